"""BC-ResNet: convolutions over bands on the map, over time on its mean band, broadcast back (Kim and others 2021).

Every band's sum over its neighbours is a small matrix on the bands, every mixing of channels one on the channels, so a
layer is a product of matrices; normalised.py folds the batch norm in, broadcast.py is the block. That is exact, and
twice as fast on a CPU as convolutions and norms one after the other. https://arxiv.org/abs/2106.04140
"""

from itertools import pairwise
from math import ceil
from typing import Annotated

import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from torch.nn import functional

from stages.models.broadcast import Block, shifted
from stages.models.normalised import Normalised, uniform_weight
from stages.params import PARAMS_FILE, ParamsError, Section

INPUT_AXES = (2,)
BASE = 8  # channels of the first stage at scale 1
STAGES = ((1.0, 2, 1), (1.5, 2, 2), (2.0, 4, 2), (2.5, 4, 1))  # channels as a share of the base, blocks, band stride
HEAD, LAST, HEAD_KERNEL = 2.0, 4.0, 5  # channels before and after the stages; frames and bands of both ends' kernels


class Params(Section):
    """Sizes of the network; 40 bands give 9,232 weights at scale 1, 17,154 at 1.5, 27,284 at 2, 54,168 at 3."""

    scale: Annotated[float, Field(ge=0.5)]  # of the numbers of channels: 1, 1.5, 2, 3, 6, 8 in the paper
    sub_bands: Annotated[int, Field(ge=1)]  # that are normalised apart; divides a half, quarter, eighth of the bands
    dropout: Annotated[float, Field(ge=0, lt=1)]  # share of a block's broadcast channels that a step leaves out

    @field_validator("scale")
    @classmethod
    def _whole_channels(cls, scale: float) -> float:
        if scale * BASE % 2:
            raise ValueError(f"a multiple of {2 / BASE:g}, so that all numbers of channels are whole")
        return scale


class BcResNet(nn.Module):
    """(batch, n_frames, n_bands) -> (batch, n_classes) logits."""

    def __init__(self, params: Params, n_bands: int, n_classes: int) -> None:
        super().__init__()
        base = params.scale * BASE
        n_in, n_bands = int(HEAD * base), ceil(n_bands / 2)
        self.head, self.head_norm = uniform_weight(n_in, HEAD_KERNEL**2), Normalised(n_in)
        blocks: list[Block] = []
        for number, (share, n_blocks, stride) in enumerate(STAGES):
            channels = [n_in, *[int(share * base)] * n_blocks]
            for place, (n_before, n_after) in enumerate(pairwise(channels)):
                blocks.append(
                    Block(
                        n_before, n_after, n_bands, 1 if place else stride, 2**number, params.sub_bands, params.dropout
                    )
                )
                n_bands = n_bands if place else ceil(n_bands / stride)
            n_in = channels[-1]
        self.blocks = nn.ModuleList(blocks)
        self.last = uniform_weight(n_in, HEAD_KERNEL, n_bands)  # over what is left of the bands
        self.mix, self.mix_norm = uniform_weight(int(LAST * base), n_in), Normalised(int(LAST * base))
        self.classes = nn.Linear(int(LAST * base), n_classes)

    def forward(self, frames: Tensor) -> Tensor:
        return self.classes(self.positions(frames).mean(dim=1))

    def multiply_adds(self, input_shape: tuple[int, ...]) -> int:
        """Return the products of a weight and a value for one clip, as convolutions would take them."""
        n_frames, n_bands = input_shape
        ends = ceil(n_bands / 2) * self.head.numel() + self.last.numel() + self.mix.numel()
        each_frame = ends + sum(block.multiply_adds() for block in self.blocks)  # type: ignore[operator]
        return n_frames * each_frame + self.classes.weight.numel()

    def positions(self, frames: Tensor) -> Tensor:
        """Return what stands at each frame before the mean over time: (batch, n_frames, n_values)."""
        batch, n_frames, n_bands = frames.shape
        padded = functional.pad(frames.permute(2, 1, 0), (0, 0, 2, 2, 2, 2))
        taps = [padded[b : b + n_bands : 2, t : t + n_frames] for b in range(HEAD_KERNEL) for t in range(HEAD_KERNEL)]
        patches = torch.stack(taps).flatten(1)[None]
        matrix, shift = self.head_norm(self.head[None], patches)
        maps = torch.baddbmm(shift, matrix, patches).relu_().view(len(self.head), -1, n_frames * batch)
        for block in self.blocks:
            maps = block(maps, batch)
        by_tap = (self.last @ maps).view(len(maps), HEAD_KERNEL, n_frames, batch).unbind(dim=1)
        lines = torch.stack([shifted(tap, offset) for offset, tap in enumerate(by_tap, start=-2)]).sum(dim=0)
        lines = lines.flatten(1)[None]
        matrix, shift = self.mix_norm(self.mix[None], lines)
        return torch.baddbmm(shift, matrix, lines).relu_().view(-1, n_frames, batch).permute(2, 1, 0)


def build(params: Params, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """Return the network for frames (n_frames, n_dims), with fresh weights from torch's generator.

    Raises ParamsError where a number of bands that is left cannot be cut into the sub-bands.
    """
    left = [ceil(input_shape[1] / share) for share in (2, 4, 8)]
    if any(n_bands % params.sub_bands for n_bands in left):
        raise ParamsError(
            f"{PARAMS_FILE}: sizes.sub_bands is {params.sub_bands}, expected a divisor of {left[0]}, {left[1]} and "
            f"{left[2]}, which are left of {input_shape[1]} bands; 5 fits 40 and 80 bands, 1 fits any number"
        )
    return BcResNet(params, input_shape[1], n_classes)
