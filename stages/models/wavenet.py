"""Causal gated dilated convolutions: what a frame's logits say depends on that frame and those before it alone.

After van den Oord and others 2016 (https://arxiv.org/abs/1609.03499) as Coucke and others 2018, "Efficient keyword
spotting using dilated convolutions and gating" (https://arxiv.org/abs/1811.07684), use it. Each layer's gated output
goes on through a residual path and to the logits through a skip path; the sum of all skips is one matrix on all gated
outputs side by side.

A clip's logits are the mean of its frames' logits, and `step` gives those of each frame as it comes: their running mean
is what `forward` gives of the clip so far. Zeros stand before the first frame in every layer, which is what a fresh
state holds.
"""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import relu

from stages.params import Section

INPUT_AXES = (2,)

Count = Annotated[int, Field(ge=1)]
State = tuple[Tensor, ...]
"""Of each convolution, the frames of its input that its next output still needs: (batch, n_channels, n)."""


class Params(Section):
    """Sizes of the network. A frame's logits see 1 + (kernel - 1) * (1 + the sum of dilations) frames."""

    channels: Count  # of the residual path
    skip: Count  # channels of the skip path
    kernel: Annotated[int, Field(ge=2)]  # taps of each convolution
    dilations: Annotated[tuple[Count, ...], Field(min_length=1)]  # frames between two taps, of each layer
    dropout: Annotated[float, Field(ge=0, lt=1)]  # share of the skip path's channels that a step leaves out


class WaveNet(nn.Module):
    """(batch, n_frames, n_dims) -> (batch, n_classes) logits."""

    def __init__(self, params: Params, n_dims: int, n_classes: int) -> None:
        super().__init__()
        n, kernel = params.channels, params.kernel
        self.first = nn.Conv1d(n_dims, n, kernel)
        self.gates = nn.ModuleList(nn.Conv1d(n, 2 * n, kernel, dilation=dilation) for dilation in params.dilations)
        self.residuals = nn.ModuleList(nn.Conv1d(n, n, 1) for _ in params.dilations[1:])  # after the last, only skips
        self.skip = nn.Conv1d(n * len(params.dilations), params.skip, 1)
        self.dropout = nn.Dropout1d(params.dropout)
        self.hidden = nn.Conv1d(params.skip, params.skip, 1)
        self.head = nn.Conv1d(params.skip, n_classes, 1)

    def start(self, frames: Tensor) -> State:
        """Return the state before the first frame, of the batch, kind and device of `frames` (batch, ...)."""
        return tuple(
            frames.new_zeros(len(frames), layer.in_channels, (layer.kernel_size[0] - 1) * layer.dilation[0])
            for layer in (self.first, *self.gates)
        )

    def step(self, frames: Tensor, state: State) -> tuple[Tensor, State]:
        """Return logits of each frame (batch, n, n_classes) and the next state, for frames (batch, n >= 1, n_dims)."""
        seen = [torch.cat([state[0], frames.transpose(1, 2)], dim=2)]
        line = self.first(seen[0])
        gated = []
        for layer, (gate, past) in enumerate(zip(self.gates, state[1:], strict=True)):
            seen.append(torch.cat([past, line], dim=2))
            values, openings = gate(seen[-1]).chunk(2, dim=1)
            gated.append(values.tanh() * openings.sigmoid())
            if layer < len(self.residuals):
                line = line + self.residuals[layer](gated[-1])
        skips = self.dropout(relu(self.skip(torch.cat(gated, dim=1))))
        logits = self.head(relu(self.hidden(skips))).transpose(1, 2)
        return logits, tuple(new[:, :, new.shape[2] - old.shape[2] :] for new, old in zip(seen, state, strict=True))

    def positions(self, frames: Tensor) -> Tensor:
        """Return the logits of each frame: (batch, n_frames, n_classes)."""
        return self.step(frames, self.start(frames))[0]

    def forward(self, frames: Tensor) -> Tensor:
        return self.positions(frames).mean(dim=1)


def build(params: Params, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """Return the network for frames (n_frames, n_dims), with fresh weights from torch's generator."""
    return WaveNet(params, input_shape[1], n_classes)
