"""The engine: clips in batches of eight, through a family's computation and the statistics.

Eight clips of a second and their spectra stay in the cache; larger batches are slower on a CPU, and longer clips go in
smaller ones. All batches of a table have the same size, the last one filled up with silence, so that each clip goes
through the same instructions wherever it stands. Results do not depend on the clip's neighbours or on its place.
"""

from collections.abc import Sequence
from types import ModuleType

import numpy as np
import torch

from stages.features.family import ClipComputation, Computation, FeatureError
from stages.features.statistics import NAMES, over_time
from stages.features.stft import Framing
from stages.params import Section
from stages.tables.clips import FULL_SCALE

CLIPS_PER_BATCH = 8
SAMPLES_PER_BATCH = 1 << 20


def extract(
    samples: np.ndarray,
    n_sounding_samples: np.ndarray,
    computation: Computation,
    framing: Framing,
    names: Sequence[str],
    of_clip: ClipComputation | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Return frames (n_clips, n_frames, n_dims) float16 and numbers of each clip (n_clips, n_numbers) float32.

    `samples` (n_clips, n_samples) are int16, or floats in -1..1; the first `n_sounding_samples` of each clip are its
    sound, the rest is padding. The numbers are the statistics `names` of each dimension, side by side, then those that
    `of_clip` gives. Raises FeatureError where there is no clip.
    """
    if not len(samples):
        raise FeatureError("0 clips, expected at least one; a shard without clips has no batch to compute")
    n_sounding_samples = np.minimum(np.asarray(n_sounding_samples, np.int64), samples.shape[1])
    n_sounding = framing.n_sounding(n_sounding_samples)
    chosen = [NAMES.index(name) for name in names]

    n_at_once = clips_at_once(samples.shape[1])

    def batch_features(start: int) -> tuple[np.ndarray, np.ndarray]:
        clips = slice(start, start + n_at_once)
        batch = as_float(samples[clips])
        frames = batch_frames(batch, computation)
        numbers = over_time(frames, n_sounding[clips], framing.hop_s)[:, :, chosen].reshape(len(frames), -1)
        if of_clip is not None:
            numbers = np.concatenate([numbers, of_clip(batch, frames, n_sounding_samples[clips])], axis=1)
        return frames.astype(np.float16), numbers

    starts = range(0, len(samples), n_at_once)
    frames, numbers = zip(*map(batch_features, starts), strict=True)
    return np.concatenate(frames), np.concatenate(numbers)


def clips_at_once(n_samples: int) -> int:
    """Return how many clips of `n_samples` make a batch."""
    return min(max(SAMPLES_PER_BATCH // n_samples, 1), CLIPS_PER_BATCH)


def batch_frames(samples: np.ndarray, computation: Computation) -> np.ndarray:
    """Return the frames of at most one batch of clips: (n_clips, n_frames, n_dims) float32."""
    # OpenMP keeps the number of threads per calling thread, so it is set where the work is done.
    torch.set_num_threads(1)
    batch = as_float(samples)
    n_missing = clips_at_once(batch.shape[1]) - len(batch)
    if n_missing > 0:
        silence = np.zeros((n_missing, batch.shape[1]), np.float32)
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


def computed(module: ModuleType, params: Section, framing: Framing) -> tuple[Computation, ClipComputation | None]:
    """Return what computes frames, and what computes the numbers of whole clips, None where the family has none.

    Raises FeatureError. What families share does not know whose section it was given: it is named here.
    """
    try:
        of_clip = module.clip_computation(params, framing) if hasattr(module, "clip_computation") else None
        return module.computation(params, framing), of_clip
    except FeatureError as error:
        family = module.__name__.rpartition(".")[2]
        raise FeatureError(str(error).replace("extract.families.*", f"extract.families.{family}")) from None
