"""Labels of a small task of sound, noise by its seed, and the conditions that clips of it are put under."""

import numpy as np
import pyarrow as pa

from stages.tables import labels

RATE, N_SAMPLES = 16_000, 8_000
CLASSES = ("no", "yes", labels.SILENCE)
SECTIONS = {
    "snr": {"levels_db": [20, 0]},
    "loudness": {"gains_db": [10, -20]},
    "speed": {"factors": [1.25, 0.8]},
    "telephone": {"codings": ["mu_law", "linear"]},
}


def noise_of(n: int, seed: int = 1) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).normal(size=n)).astype(np.float32)


def power(sound: np.ndarray) -> float:
    return float(np.mean(np.square(sound, dtype=np.float64)))


def label_rows(parts: tuple[str, ...] = labels.PARTS) -> pa.Table:
    """Six clips a class and part, by two speakers in each."""
    rows = sorted(
        (f"{name}/{part}{take}", name, number, part, f"{part}{take % 2}", f"{part}{take % 2}", name)
        for part in parts
        for number, name in enumerate(CLASSES)
        for take in range(6)
    )
    schema = labels.TABLE.schema
    return pa.table(
        [pa.array(own, kind) for own, kind in zip(zip(*rows, strict=True), schema.types, strict=True)], schema
    )
