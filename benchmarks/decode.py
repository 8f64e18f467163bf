"""How many one-second recordings a second decode turns into rows of clips, on one core, beside its peers in one run.

Each row is a container, at 16 kHz mono (Opus at 48 kHz). `ratio_to_librosa` is against `librosa.load`,
`ratio_to_soundfile` against `soundfile.read`, both followed by what makes a clip of it: int16 at 16 kHz. Ours also
tells the container, checks it, hashes the bytes and measures the level. librosa and soundfile read no m4a. Archives
and Parquet are left out.

Run  python -m benchmarks.decode [--json FILE]
"""

import io
from collections.abc import Callable, Sequence

import av
import librosa
import numpy as np
import soundfile
import soxr

from benchmarks.table import Rows, load, medians, parse, report
from stages.decoders.recording import Cutting, Noise, rows_of
from stages.sources.origin import Origin

RATE_HZ = 16_000
N_CLIPS = 200
REPEATS = 5
ORIGIN = Origin("word", "speaker", "speaker")
CUTTING = Cutting(
    sample_rate_hz=RATE_HZ,
    clip_s=1.0,
    longer="start",
    window_hop_s=1.0,
    noise=Noise(hop_s=0.25, gain_db=(-20.0, 0.0), seed=1),
    max_s=600.0,
    max_channels=8,
    max_bytes=100_000_000,
)
KINDS = {
    "wav": ("WAV", "PCM_16", 16_000),
    "flac": ("FLAC", "PCM_16", 16_000),
    "mp3": ("MP3", "MPEG_LAYER_III", 16_000),
    "ogg": ("OGG", "VORBIS", 16_000),
    "opus": ("OGG", "OPUS", 48_000),
}


def made_sounds(rate_hz: int) -> list[np.ndarray]:
    """Return N_CLIPS seconds of noise under a speech-like envelope, from one seed."""
    generator = np.random.default_rng(1)
    envelope = np.hanning(rate_hz) ** 2
    return [0.1 * envelope * np.cumsum(generator.standard_normal(rate_hz)) / 50 for _ in range(N_CLIPS)]


def file_bytes(name: str) -> list[bytes]:
    """Return the bytes of N_CLIPS files of a kind."""
    if name == "m4a":
        return [_m4a(sound) for sound in made_sounds(RATE_HZ)]
    container, subtype, rate_hz = KINDS[name]
    files = []
    for sound in made_sounds(rate_hz):
        target = io.BytesIO()
        soundfile.write(target, sound, rate_hz, format=container, subtype=subtype)
        files.append(target.getvalue())
    return files


def _m4a(sound: np.ndarray) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=RATE_HZ, layout="mono")
        frame = av.AudioFrame.from_ndarray(sound.astype(np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate = RATE_HZ
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    return target.getvalue()


def with_librosa(data: bytes) -> np.ndarray:
    """Return the clip as librosa gives it: its default resampler, to 16 kHz mono."""
    samples, _ = librosa.load(io.BytesIO(data), sr=RATE_HZ, mono=True)
    return (samples * 32767).astype(np.int16)


def with_soundfile(data: bytes) -> np.ndarray:
    """Return the clip as soundfile and soxr give it."""
    samples, rate_hz = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    mono = samples.mean(axis=1)
    return (soxr.resample(mono, rate_hz, RATE_HZ, quality="HQ") * 32767).astype(np.int16)


def loop(decode: Callable[[bytes], object], files: Sequence[bytes]) -> Callable[[], object]:
    """Return the work of decoding all of `files`, one after the other."""
    return lambda: [decode(data) for data in files]


def ours(data: bytes) -> object:
    """Return the row of clips that the stage makes."""
    return rows_of("path", data, ORIGIN, CUTTING)


def measured() -> Rows:
    """Return clips a second and the ratio to each peer, a row a container."""
    before = load()
    rows = {}
    for name in [*KINDS, "m4a"]:
        files = file_bytes(name)
        peers = {} if name == "m4a" else {"librosa": with_librosa, "soundfile": with_soundfile}
        works = {"earmark": loop(ours, files)} | {peer: loop(decode, files) for peer, decode in peers.items()}
        seconds = medians(works, REPEATS)
        rows[name] = {
            "clips_per_s": round(N_CLIPS / seconds["earmark"], 1),
            **{f"ratio_to_{peer}": round(seconds[peer] / seconds["earmark"], 2) for peer in peers},
            "n_clips": N_CLIPS,
            "repeats": REPEATS,
            "load": before,
        }
    return rows


def main() -> None:
    json_file = parse("Measure clips a second of decoding on one core.")
    report(measured(), json_file)


if __name__ == "__main__":
    main()
