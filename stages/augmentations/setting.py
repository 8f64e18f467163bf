"""What an augmentation must know about the frames it changes."""

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Setting:
    """Facts about the frames of one training part, tensors on its device."""

    hop_s: float  # s between two frames
    dims_hz: Tensor  # (n_dims,) Hz, rising: centre frequency of each band
    noise: Tensor  # (n_noise, n_frames, n_dims) dB: frames of background noise to mix in; may be empty
