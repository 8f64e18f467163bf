"""Two convolutions over time, gated recurrent units in both directions, and attention that the middle of the clip asks.

After de Andrade and others 2018, "A neural attention model for speech command recognition"
(https://arxiv.org/abs/1808.08929), with the units of Cho and others 2014 in place of an LSTM: a quarter fewer weights.
The state in the middle, where a centred word is, becomes the query; the clip's vector is the mean of all states, each
weighed by the softmax of its product with the query.
"""

from typing import Annotated

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import relu

from stages.params import Section

INPUT_AXES = (2,)

Count = Annotated[int, Field(ge=1)]


class Params(Section):
    """Sizes of the network."""

    channels: Count  # between the two convolutions
    kernel: Count  # frames that each spans
    frames_per_step: Count  # of the recurrent layers: stride of the first convolution
    hidden: Count  # units of each layer and direction
    n_layers: Count
    dense: Count  # units between the clip's vector and the classes
    dropout: Annotated[float, Field(ge=0, lt=1)]  # share of these that a step leaves out


class Gru(nn.Module):
    """(batch, n_frames, n_dims) -> (batch, n_classes) logits."""

    def __init__(self, params: Params, n_dims: int, n_classes: int) -> None:
        super().__init__()
        kernel, padding = (params.kernel, 1), (params.kernel // 2, 0)
        self.smooth = nn.Sequential(
            nn.Conv2d(1, params.channels, kernel, (params.frames_per_step, 1), padding, bias=False),
            nn.BatchNorm2d(params.channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(params.channels, 1, kernel, padding=padding, bias=False),
            nn.BatchNorm2d(1),
            nn.ReLU(inplace=True),
        )
        self.smooth.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        n_states = 2 * params.hidden
        self.recurrent = nn.GRU(n_dims, params.hidden, params.n_layers, batch_first=True, bidirectional=True)
        self.query = nn.Linear(n_states, n_states, bias=False)
        self.dense = nn.Linear(n_states, params.dense)
        self.dropout = nn.Dropout(params.dropout)
        self.head = nn.Linear(params.dense, n_classes)

    def forward(self, frames: Tensor) -> Tensor:
        states, _ = self.recurrent(self.smooth(frames.unsqueeze(1)).squeeze(1))
        query = self.query(states[:, states.shape[1] // 2])
        weights = (states @ query[:, :, None]).softmax(dim=1)
        clip = (weights * states).sum(dim=1)
        return self.head(self.dropout(relu(self.dense(clip))))


def build(params: Params, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """Return the network for frames (n_frames, n_dims), with fresh weights from torch's generator."""
    return Gru(params, input_shape[1], n_classes)
