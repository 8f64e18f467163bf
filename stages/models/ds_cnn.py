"""A depthwise-separable convolutional network (Zhang and others 2017, "Hello Edge: Keyword Spotting on
Microcontrollers", https://arxiv.org/abs/1711.07128).

A plain convolution over time and bands first; then blocks of a 3 x 3 convolution on each channel alone and one that
mixes channels at each place alone; the mean over time and bands gives one vector a clip. The paper's three sizes, with
a first kernel of 10 frames and 4 bands (20 ms hop, 10 cepstra): S has 64 channels, first stride 2 and 2, four blocks of
stride 1; M has 172, first stride 2 and 1, four blocks of which the first has stride 2; L 276, the same with five.
"""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn

from stages.params import Section

INPUT_AXES = (2,)
KERNEL = 3  # frames and bands, of the blocks

Count = Annotated[int, Field(ge=1)]


class Params(Section):
    """Sizes of the network."""

    channels: Count  # of every layer
    first_kernel: tuple[Count, Count]  # frames and bands that the first layer spans
    first_stride: tuple[Count, Count]  # frames and bands to one
    strides: Annotated[tuple[Count, ...], Field(min_length=1)]  # of each block, in frames and in bands
    dropout: Annotated[float, Field(ge=0, lt=1)]  # share of the clip's vector that a step leaves out


def activated(convolution: nn.Conv2d) -> tuple[nn.Module, ...]:
    """Return the convolution with what follows each one."""
    return convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU(inplace=True)


class DsCnn(nn.Module):
    """(batch, n_frames, n_dims) -> (batch, n_classes) logits."""

    def __init__(self, params: Params, n_classes: int) -> None:
        super().__init__()
        n = params.channels
        padding = (params.first_kernel[0] // 2, params.first_kernel[1] // 2)
        first = nn.Conv2d(1, n, params.first_kernel, params.first_stride, padding, bias=False)
        layers = [*activated(first)]
        for stride in params.strides:
            layers += activated(nn.Conv2d(n, n, KERNEL, stride, KERNEL // 2, groups=n, bias=False))
            layers += activated(nn.Conv2d(n, n, 1, bias=False))
        self.layers = nn.Sequential(*layers)
        self.dropout = nn.Dropout(params.dropout)
        self.head = nn.Linear(n, n_classes)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def positions(self, frames: Tensor) -> Tensor:
        """Return what stands at each moment before the mean over time: (batch, n_positions, n_values)."""
        return self.layers(frames.unsqueeze(1)).mean(dim=3).transpose(1, 2)

    def forward(self, frames: Tensor) -> Tensor:
        return self.head(self.dropout(self.positions(frames).mean(dim=1)))


def build(params: Params, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """Return the network for frames (n_frames, n_dims), with fresh weights from torch's generator."""
    return DsCnn(params, n_classes)
