"""Convolutions, a narrow linear layer and dense ones, as in Sainath and Parada 2015, "Convolutional neural networks for
small-footprint keyword spotting" (https://www.isca-archive.org/interspeech_2015/sainath15b_interspeech.html).

The paper's networks read windows of 32 frames of 40 bands. cnn-trad-fpool3 has kernels of 20 x 8 and 10 x 4 frames and
bands, 64 channels each, the first pooled by 3 in bands, 32 linear units and 128 hidden ones; cnn-one-fstride4 has one
kernel over all 32 frames and 8 bands that moves by 4 bands, 186 channels, 32 linear units and twice 128 hidden ones.
Here the window is the clip: kernels that shall span all of it are as long as it is, and pooling in time keeps the
linear layer small. Nothing is padded.
"""

from math import prod
from typing import Annotated

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn

from stages.params import PARAMS_FILE, ParamsError, Section

INPUT_AXES = (2,)

Count = Annotated[int, Field(ge=1)]
Pair = tuple[Count, Count]


class Params(Section):
    """Sizes of the network; one entry a convolution in the first four."""

    channels: tuple[Count, ...]
    kernels: tuple[Pair, ...]  # frames and bands
    strides: tuple[Pair, ...]  # frames and bands to one, of the convolution
    pools: tuple[Pair, ...]  # frames and bands of which the greatest is taken
    linear: Count  # units of the narrow layer
    hidden: tuple[Count, ...]  # units of each dense layer
    dropout: Annotated[float, Field(ge=0, lt=1)]  # share of each dense layer's units that a step leaves out

    @model_validator(mode="after")
    def _one_entry_a_convolution(self) -> "Params":
        lengths = {len(self.channels), len(self.kernels), len(self.strides), len(self.pools)}
        if len(lengths) != 1 or lengths == {0}:
            raise ValueError("channels, kernels, strides and pools of the same length, at least 1")
        return self

    def left(self, n: int, axis: int) -> int:
        """Return how many of n frames (axis 0) or bands (1) are left after the convolutions; below 1, too few."""
        for kernel, stride, pool in zip(self.kernels, self.strides, self.pools, strict=True):
            n = ((n - kernel[axis]) // stride[axis] + 1) // pool[axis]
        return n


class Greatest(nn.Module):
    """The greatest of each `pool` of neighbouring frames and bands; those left over at the ends are unread.

    As torch's max pooling, whose gradient on a GPU is not promised to repeat itself.
    """

    def __init__(self, pool: Pair) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, maps: Tensor) -> Tensor:
        n_frames, n_bands = (n // size for n, size in zip(maps.shape[2:], self.pool, strict=True))
        whole = maps[:, :, : n_frames * self.pool[0], : n_bands * self.pool[1]]
        return whole.unflatten(2, (n_frames, -1)).unflatten(4, (n_bands, -1)).amax(dim=(3, 5))


class CnnTrad(nn.Module):
    """(batch, n_frames, n_dims) -> (batch, n_classes) logits."""

    def __init__(self, params: Params, n_places: int, n_classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        sizes = zip(params.channels, params.kernels, params.strides, params.pools, strict=True)
        n_in = 1
        for n_out, kernel, stride, pool in sizes:
            layers += [nn.Conv2d(n_in, n_out, kernel, stride), nn.ReLU(inplace=True)]
            layers += [Greatest(pool)] if prod(pool) > 1 else []
            n_in = n_out
        layers += [nn.Flatten(), nn.Linear(n_in * n_places, params.linear)]
        n_in = params.linear
        for n_out in params.hidden:
            layers += [nn.Linear(n_in, n_out), nn.ReLU(inplace=True), nn.Dropout(params.dropout)]
            n_in = n_out
        self.layers = nn.Sequential(*layers, nn.Linear(n_in, n_classes))
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, frames: Tensor) -> Tensor:
        return self.layers(frames.unsqueeze(1))


def build(params: Params, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """Return the network for frames (n_frames, n_dims), with fresh weights from torch's generator.

    Raises ParamsError where the kernels and pools need more frames or bands than a clip has.
    """
    places = [params.left(n, axis) for axis, n in enumerate(input_shape)]
    for axis, name in enumerate(("frames", "bands")):
        if places[axis] < 1:
            least = next(n for n in range(input_shape[axis], 10**6) if params.left(n, axis) >= 1)
            raise ParamsError(
                f"{PARAMS_FILE}: sizes.kernels is {list(map(list, params.kernels))}, expected what fits {name} of a "
                f"clip, which has {input_shape[axis]}; with these strides and pools it needs {least}, shorten kernels"
            )
    return CnnTrad(params, prod(places), n_classes)
