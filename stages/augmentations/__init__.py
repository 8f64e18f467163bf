"""Augmentations: a batch of log-mel frames in dB in, the same batch shifted, noisier or masked out.

Each module has `Params` (its sizes, in milliseconds, hertz and decibels), `NEEDS_NOISE` (whether the training part must
hold noise to mix) and `apply(frames (batch, n_frames, n_dims) dB, params, setting, generator) -> frames`, on the device
of the frames.
"""

from types import ModuleType

from stages.augmentations import masks, noise, shift

AUGMENTATIONS: dict[str, ModuleType] = {"shift": shift, "noise": noise, "masks": masks}
