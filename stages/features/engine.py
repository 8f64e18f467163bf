"""The engine: clips in batches of eight, through a family's computation and the statistics.

Eight clips of a second and their spectra stay in the cache; larger batches are slower on a CPU. Every batch has eight,
the last one filled up with silence, so that each clip goes through the same instructions wherever it stands. Results do
not depend on the clip's neighbours or on its place.
"""

from collections.abc import Sequence

import numpy as np
import torch

from stages.features.family import Computation, FeatureError
from stages.features.statistics import NAMES, over_time
from stages.features.stft import Framing

CLIPS_PER_BATCH = 8
FULL_SCALE = 32768.0


def extract(
    samples: np.ndarray,
    n_sounding_samples: np.ndarray,
    computation: Computation,
    framing: Framing,
    names: Sequence[str],
) -> tuple[np.ndarray, np.ndarray]:
    """Return frames (n_clips, n_frames, n_dims) float16 and statistics (n_clips, n_dims * len(names)) float32.

    `samples` (n_clips, n_samples) are int16, or floats in -1..1; the first `n_sounding_samples` of each clip are its
    sound, the rest is padding. Statistics of a dimension stand side by side, in the order of `names`.
    """
    n_sounding = framing.n_sounding(n_sounding_samples)
    chosen = [NAMES.index(name) for name in names]

    def batch_features(start: int) -> tuple[np.ndarray, np.ndarray]:
        clips = slice(start, start + CLIPS_PER_BATCH)
        frames = batch_frames(samples[clips], computation)
        statistics = over_time(frames, n_sounding[clips], framing.hop_s)[:, :, chosen]
        return frames.astype(np.float16), statistics.reshape(len(frames), -1)

    starts = range(0, len(samples), CLIPS_PER_BATCH)
    frames, statistics = zip(*map(batch_features, starts), strict=True)
    return np.concatenate(frames), np.concatenate(statistics)


def batch_frames(samples: np.ndarray, computation: Computation) -> np.ndarray:
    """Return the frames of at most eight clips: (n_clips, n_frames, n_dims) float32."""
    # OpenMP keeps the number of threads per calling thread, so it is set where the work is done.
    torch.set_num_threads(1)
    batch = as_float(samples)
    if len(batch) < CLIPS_PER_BATCH:
        silence = np.zeros((CLIPS_PER_BATCH - len(batch), batch.shape[1]), np.float32)
        batch = np.concatenate([batch, silence])
    with torch.inference_mode():
        return computation(torch.from_numpy(batch)).numpy()[: len(samples)]


def as_float(samples: np.ndarray) -> np.ndarray:
    """Return int16 or float samples as float32 in -1..1; raises FeatureError for a sample that is no number."""
    if samples.dtype == np.int16:
        return samples * np.float32(1 / FULL_SCALE)
    if not np.isfinite(samples).all():
        clip, place = np.argwhere(~np.isfinite(samples))[0]
        raise FeatureError(
            f"clip {clip} of the batch: sample {place} is {samples[clip, place]}, expected a finite number"
        )
    return samples.astype(np.float32)
