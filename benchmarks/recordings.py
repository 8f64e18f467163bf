"""One-second recordings of every kind, and how its peers would decode them."""

import io
from collections.abc import Callable, Sequence

import librosa
import numpy as np
import soundfile
import soxr

from benchmarks.containers import m4a

RATE_HZ = 16_000
N_SOUNDS = 200
KINDS = {
    "wav": ("WAV", "PCM_16", 16_000),
    "flac": ("FLAC", "PCM_16", 16_000),
    "mp3": ("MP3", "MPEG_LAYER_III", 16_000),
    "ogg": ("OGG", "VORBIS", 16_000),
    "opus": ("OGG", "OPUS", 48_000),
}


def made_sounds(rate_hz: int) -> list[np.ndarray]:
    """Return N_SOUNDS seconds of noise under a speech-like envelope, from one seed."""
    generator = np.random.default_rng(1)
    envelope = np.hanning(rate_hz) ** 2
    return [0.1 * envelope * np.cumsum(generator.standard_normal(rate_hz)) / 50 for _ in range(N_SOUNDS)]


def file_bytes(name: str) -> list[bytes]:
    """Return the bytes of N_SOUNDS files of a kind."""
    if name == "m4a":
        return [m4a(sound, RATE_HZ) for sound in made_sounds(RATE_HZ)]
    container, subtype, rate_hz = KINDS[name]
    files = []
    for sound in made_sounds(rate_hz):
        target = io.BytesIO()
        soundfile.write(target, sound, rate_hz, format=container, subtype=subtype)
        files.append(target.getvalue())
    return files


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
