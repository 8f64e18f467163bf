"""How many one-second clips a second extraction takes, on one core, beside a plain librosa loop in the same run.

Rows: `log_mel_40` and `mfcc_40` are frames alone; a family's row has its statistics, as the stage computes them; `all`
is every family after the other. `ratio_to_librosa` is against the same features and statistics, as far as librosa has
them. Files are left out.

Run  python -m benchmarks.extract [--json FILE]
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import librosa_loop
from benchmarks.table import Rows, load, medians, parse, report
from stages.features import FAMILIES, level, mel, mfcc, spectral
from stages.features.engine import CLIPS_PER_BATCH, as_float, batch_frames, extract
from stages.features.family import Computation
from stages.features.statistics import NAMES
from stages.features.stft import Frame, Framing

SAMPLE_RATE_HZ = 16_000
N_CLIPS = 256
N_CLIPS_LIBROSA = 32
REPEATS = 7

FRAMING = Framing.of(Frame(window_s=0.025, hop_s=0.01), SAMPLE_RATE_HZ)
BANDS: dict[str, Any] = {"n_fft": 512, "n_mels": 40, "fmin_hz": 20.0, "fmax_hz": 7600.0, "amin": 1e-10, "top_db": 80.0}
MEL = mel.Params(**BANDS, keep_frames=True)
MFCC = mfcc.Params(**BANDS, n_mfcc=13, delta_width=9, keep_frames=False)
MFCC_40 = mfcc.Params(**BANDS, n_mfcc=40, delta_width=9, keep_frames=False)
SPECTRAL = spectral.Params(
    n_fft=512,
    amin=1e-10,
    rolloff_share=0.85,
    contrast_bands=6,
    contrast_fmin_hz=200.0,
    contrast_share=0.02,
    contrast_top_db=80.0,
    keep_frames=False,
)
LEVEL = level.Params(floor_db=-120.0, keep_frames=False)
PARAMS = {"mel": MEL, "mfcc": MFCC, "spectral": SPECTRAL, "level": LEVEL}

LIBROSA_FRAMES = {
    "log_mel_40": librosa_loop.log_mel(MEL, FRAMING),
    "mfcc_40": librosa_loop.cepstrum(MFCC_40, FRAMING),
}
LIBROSA_FAMILIES = {
    "mel": librosa_loop.log_mel(MEL, FRAMING),
    "mfcc": librosa_loop.with_differences(MFCC, FRAMING),
    "spectral": librosa_loop.shape(SPECTRAL, FRAMING),
    "level": librosa_loop.loudness(LEVEL, FRAMING),
}


def made_clips(n_clips: int) -> np.ndarray:
    """Return (n_clips, n_samples) int16 of noise bursts over a glide of harmonics, from one seed."""
    generator = np.random.default_rng([0, n_clips])
    time_s = np.arange(SAMPLE_RATE_HZ) / SAMPLE_RATE_HZ
    pitch_hz = generator.uniform(90, 260, (n_clips, 1)) * (1 + 0.2 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch_hz, axis=1) / SAMPLE_RATE_HZ
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    noise = generator.standard_normal((n_clips, SAMPLE_RATE_HZ))
    return np.rint(2000 * voice * np.hanning(SAMPLE_RATE_HZ) + 300 * noise).astype(np.int16)


def engine_works(samples: np.ndarray) -> dict[str, Callable[[], object]]:
    """Return the engine's work for each row but `all`."""
    n_sounding_samples = np.full(len(samples), samples.shape[1])

    def frames(computation: Computation) -> Callable[[], object]:
        starts = range(0, len(samples), CLIPS_PER_BATCH)
        return lambda: [batch_frames(samples[start : start + CLIPS_PER_BATCH], computation) for start in starts]

    def family(computation: Computation) -> Callable[[], object]:
        return lambda: extract(samples, n_sounding_samples, computation, FRAMING, NAMES)

    works = {"log_mel_40": frames(mel.computation(MEL, FRAMING)), "mfcc_40": frames(mfcc.Cepstrum(MFCC_40, FRAMING))}
    return works | {name: family(FAMILIES[name].computation(PARAMS[name], FRAMING)) for name in PARAMS}


def librosa_works(samples: np.ndarray) -> dict[str, Callable[[], object]]:
    """Return the librosa loop's work for each row but `all`."""
    sounds = list(as_float(samples))

    def frames(loop: librosa_loop.Loop) -> Callable[[], object]:
        return lambda: [loop(sound) for sound in sounds]

    def family(loop: librosa_loop.Loop) -> Callable[[], object]:
        return lambda: [librosa_loop.statistics(loop(sound)) for sound in sounds]

    works = {name: frames(loop) for name, loop in LIBROSA_FRAMES.items()}
    return works | {name: family(loop) for name, loop in LIBROSA_FAMILIES.items()}


def with_all(seconds: Mapping[str, float], n_clips: int) -> dict[str, float]:
    """Return seconds a clip for each row, and for `all` families together."""
    each = {name: taken / n_clips for name, taken in seconds.items()}
    return each | {"all": sum(each[name] for name in PARAMS)}


def measured() -> Rows:
    """Return clips a second, and the ratio to librosa, for each row."""
    before = load()
    # numpy's BLAS, which librosa uses, would take every core.
    with threadpool_limits(limits=1):
        ours = engine_works(made_clips(N_CLIPS))
        theirs = {f"librosa {name}": work for name, work in librosa_works(made_clips(N_CLIPS_LIBROSA)).items()}
        seconds = medians(ours | theirs, REPEATS)
    engine = with_all({name: seconds[name] for name in ours}, N_CLIPS)
    loop = with_all({name: seconds[f"librosa {name}"] for name in ours}, N_CLIPS_LIBROSA)
    return {
        name: {
            "clips_per_s": round(1 / engine[name], 1),
            "librosa_clips_per_s": round(1 / loop[name], 1),
            "ratio_to_librosa": round(loop[name] / engine[name], 2),
            "n_clips": N_CLIPS,
            "repeats": REPEATS,
            "load": before,
        }
        for name in engine
    }


def main() -> None:
    json_file = parse("Measure clips a second of feature extraction on one core.")
    report(measured(), json_file)


if __name__ == "__main__":
    main()
