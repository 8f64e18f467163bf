"""How many one-second clips a second extraction takes, on one core, beside its peers in the same run.

Rows: `log_mel_40` and `mfcc_40` are frames alone; a family's row has its statistics too, as the stage computes them
with params.yaml at a hop of 10 ms; `all` is every family after the other. `ratio_to_librosa` is against a plain loop
over librosa with the same statistics, as far as librosa has the features: no cepstra but MFCC, of pitch f0 alone; in
`all` what it lacks is left out of its time. `ratio_to_librosa_shared` is against librosa with one STFT for all
families, `ratio_to_<other>` against the frames of other libraries (benchmarks/peers.py). `two_cores` is the speed of
two processes, as the stage has them, over that of one. Files are left out. `gfcc_by_spafe` and its like are clips a
second of a peer alone, in what is a part of a family here, or of none.

`wav_to_parquet`: decode and log-mel with statistics of a tar of WAV, as the two stages do it with params.yaml, Parquet
in between and in the end; librosa's loop loads and computes the same, and writes nothing. `layout` is the table of
`mel`: `write_mb_per_s` of what lies in memory, `clips_per_s` read from it, frames alone.

Run  python -m benchmarks.extract [--json FILE]
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from benchmarks import librosa_families, librosa_loop
from benchmarks.files import of_files
from benchmarks.librosa_shared import all_families
from benchmarks.peers import PEERS, SAMPLE_RATE_HZ
from benchmarks.table import Rows, load, medians, parse, report
from stages.executors import forked
from stages.features import FAMILIES, mel, mfcc
from stages.features.engine import CLIPS_PER_BATCH, as_float, batch_frames, computed, extract
from stages.features.family import Computation
from stages.features.statistics import NAMES
from stages.features.stft import Frame, Framing
from stages.params import PARAMS_FILE, read_section

ROOT = Path(__file__).resolve().parent.parent
N_CLIPS, N_CLIPS_PEERS, N_WAVS = 256, 16, 3000
REPEATS = 7

FRAMING = Framing.of(Frame(window_s=0.025, hop_s=0.01), SAMPLE_RATE_HZ)
PARAMS = {
    family: read_section(f"extract.families.{family}", module.Params, ROOT / PARAMS_FILE)
    for family, module in FAMILIES.items()
}
MEL = mel.Params.model_validate(PARAMS["mel"].model_dump() | {"n_mels": 40})
MFCC_40 = mfcc.Params.model_validate(PARAMS["mfcc"].model_dump() | {"n_mels": 40, "n_mfcc": 40})

LIBROSA: dict[str, Callable[..., librosa_loop.Loop]] = {
    "mel": librosa_loop.log_mel,
    "mfcc": librosa_loop.with_differences,
    "spectral": librosa_loop.shape,
    "level": librosa_loop.loudness,
    "chroma": librosa_families.notes,
    "pitch": librosa_families.fundamental,
    "formants": librosa_families.resonances,
    "harmonic": librosa_families.separation,
    "rhythm": librosa_families.beats,
    "modulation": librosa_families.modulations,
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

    def family(name: str) -> Callable[[], object]:
        computation, of_clip = computed(FAMILIES[name], PARAMS[name], FRAMING)
        return lambda: extract(samples, n_sounding_samples, computation, FRAMING, NAMES, of_clip)

    works = {"log_mel_40": frames(mel.computation(MEL, FRAMING)), "mfcc_40": frames(mfcc.Cepstrum(MFCC_40, FRAMING))}
    return works | {name: family(name) for name in FAMILIES}


def peer_works(samples: np.ndarray) -> dict[tuple[str, str], Callable[[], object]]:
    """Return the work of each peer, by row and its name."""
    sounds = list(as_float(samples))

    def frames(loop: librosa_loop.Loop) -> Callable[[], object]:
        return lambda: [loop(sound) for sound in sounds]

    def with_statistics(loop: librosa_loop.Loop) -> Callable[[], object]:
        return lambda: [librosa_loop.statistics(loop(sound)) for sound in sounds]

    works = {
        ("log_mel_40", "librosa"): frames(librosa_loop.log_mel(MEL, FRAMING)),
        ("mfcc_40", "librosa"): frames(librosa_loop.cepstrum(MFCC_40, FRAMING)),
        ("all", "librosa_shared"): frames(all_families(PARAMS, FRAMING)),
    }
    works |= {(name, "librosa"): with_statistics(LIBROSA[name](PARAMS[name], FRAMING)) for name in LIBROSA}
    return works | {(row, peer): frames(loop) for row, loops in PEERS.items() for peer, loop in loops.items()}


def on_two_cores(works: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Return how much faster two processes are, with half of the clips each, than one with all."""
    halves = [engine_works(half) for half in np.array_split(made_clips(N_CLIPS), 2)]
    WORKS.update({(name, number): half[name] for number, half in enumerate(halves) for name in half})
    with forked(2) as executor:

        def both(name: str) -> Callable[[], object]:
            return lambda: [future.result() for future in [executor.submit(_half, name, part) for part in (0, 1)]]

        for name in works:  # copies are made while nothing else runs
            both(name)()
        one = {f"one {name}": work for name, work in works.items()}
        seconds = medians(one | {f"two {name}": both(name) for name in works}, REPEATS)
    return {name: seconds[f"one {name}"] / seconds[f"two {name}"] for name in works}


WORKS: dict[tuple[str, int], Callable[[], object]] = {}  # of the copies of this process


def _half(name: str, part: int) -> None:
    WORKS[name, part]()


def of_families() -> Rows:
    """Return clips a second and the ratios, a row a family and for all of them."""
    before, cores = load(), os.sched_getaffinity(0)
    clips = made_clips(N_CLIPS)
    ours, peers = engine_works(clips), peer_works(made_clips(N_CLIPS_PEERS))
    os.environ["EARMARK_WORKERS"] = "2"
    two_cores = on_two_cores(ours)
    os.environ["EARMARK_WORKERS"] = "1"
    os.sched_setaffinity(0, {max(cores)})
    # numpy's BLAS, which librosa uses, would take every core.
    with threadpool_limits(limits=1):
        seconds: dict = medians({**ours, **peers}, REPEATS)  # type: ignore[dict-item]
    engine = {name: seconds[name] / N_CLIPS for name in ours}
    theirs = {key: seconds[key] / N_CLIPS_PEERS for key in peers}
    engine["all"] = sum(engine[name] for name in FAMILIES)
    theirs["all", "librosa"] = sum(theirs[name, "librosa"] for name in LIBROSA)
    two_cores["all"] = engine["all"] / sum(engine[name] / two_cores[name] for name in FAMILIES)
    rows: dict[str, dict[str, float]] = {}
    for name, taken in engine.items():
        ratios = {f"ratio_to_{peer}": round(theirs[row, peer] / taken, 2) for row, peer in theirs if row == name}
        rows[name] = {"clips_per_s": round(1 / taken, 1), **ratios, "two_cores": round(two_cores[name], 2)}
        rows[name] |= {"n_clips": N_CLIPS, "repeats": REPEATS, "load": before}
    for (row, peer), taken in theirs.items():
        if row not in engine:
            rows[f"{row}_by_{peer}"] = {"clips_per_s": round(1 / taken, 1), "n_clips": N_CLIPS_PEERS}
            rows[f"{row}_by_{peer}"] |= {"repeats": REPEATS, "load": before}
    return rows


def main() -> None:
    json_file = parse("Measure clips a second of feature extraction on one core.")
    report({**of_families(), **of_files(N_WAVS, REPEATS)}, json_file)


if __name__ == "__main__":
    main()
