"""What a family of features is: a module with `Params` and two functions.

    dimensions(params, sample_rate) -> (n_dims,) of Dimension       what each number of a frame is
    computation(params, framing) -> Computation                     samples -> frames, tables built once

and two more where it has numbers of a whole clip, which stand beside the statistics of the frames:

    clip_dimensions(params, sample_rate) -> (n_numbers,) of Dimension
    clip_computation(params, framing) -> ClipComputation

`Params` has `keep_frames`: whether the frames are stored beside their statistics. Numbers are float32 and do not depend
on the clips beside them; for any finite sound they are finite, or NaN where a `Dimension` says when it is `missing`.
Where a family takes the convention of librosa it equals librosa 0.11; where librosa has no such feature, the module
gives the formula.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

Computation = Callable[[torch.Tensor], torch.Tensor]
"""samples (n_clips, n_samples) float32 in -1..1 -> frames (n_clips, n_frames, n_dims) float32."""

ClipComputation = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""samples (n_clips, n_samples) float32, their frames, and how many samples are sound, before the padding, (n_clips,)
int64 -> numbers of the sound (n_clips, n_numbers) float32."""


class FeatureError(ValueError):
    """A family cannot be computed as params.yaml asks, or not from this sound."""


@dataclass(frozen=True)
class Dimension:
    """One number of a frame or clip: `name` is its `<what>[_<NN>]` in column names, `unit` is "" where it has none.

    `band_hz` is the centre of the band where the number is the power of one in dB, else None. `missing` says when there
    is no such number ("in an unvoiced frame"), "" where there always is one.
    """

    name: str
    unit: str
    meaning: str
    band_hz: float | None = None
    missing: str = ""


def numbered(what: str, number: int, count: int) -> str:
    """Return `what_NN`, the number as wide as the largest of `count`, at least two digits."""
    return f"{what}_{number:0{max(2, len(str(count - 1)))}d}"
