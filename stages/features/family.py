"""What a family of features is: a module with `Params` and two functions.

    dimensions(params, sample_rate) -> (n_dims,) of Dimension       what each number of a frame is
    computation(params, framing) -> Computation                     samples -> frames, tables built once

`Params` has `keep_frames`: whether the frames are stored beside their statistics. Frames are float32, finite for any
finite sound, and a clip's frames do not depend on the clips beside it. Where a family takes the convention of librosa
it equals librosa 0.11; where librosa has no such feature, the module gives the formula.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch

Computation = Callable[[torch.Tensor], torch.Tensor]
"""samples (n_clips, n_samples) float32 in -1..1 -> frames (n_clips, n_frames, n_dims) float32."""


class FeatureError(ValueError):
    """A family cannot be computed as params.yaml asks, or not from this sound."""


@dataclass(frozen=True)
class Dimension:
    """One number of a frame: `name` is its `<what>[_<NN>]` in column names, `unit` is "" where it has none.

    `band_hz` is the centre of the band where the number is the power of one in dB, else None.
    """

    name: str
    unit: str
    meaning: str
    band_hz: float | None = None


def numbered(what: str, number: int, count: int) -> str:
    """Return `what_NN`, the number as wide as the largest of `count`, at least two digits."""
    return f"{what}_{number:0{max(2, len(str(count - 1)))}d}"
