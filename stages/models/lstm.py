"""A long short-term memory over the frames, and attention that says which moments of the clip count.

A few neighbouring frames go into each step: fewer steps cost less time, and the gradient has a shorter way back.
"""

from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from stages.params import PARAMS_FILE, ParamsError, Section

INPUT_AXES = (2,)


class Params(Section):
    """Sizes of the network."""

    frames_per_step: Annotated[int, Field(ge=1)]  # neighbouring frames read at once; those left at the end are unread
    hidden: Annotated[int, Field(ge=1)]  # units of each layer and direction
    n_layers: Annotated[int, Field(ge=1)]
    bidirectional: bool  # also from the clip's end to its beginning
    dropout: Annotated[float, Field(ge=0, lt=1)]  # share of the clip's vector that a step of training leaves out


class Lstm(nn.Module):
    """(batch, n_frames, n_dims) -> (batch, n_classes) logits."""

    def __init__(self, params: Params, n_dims: int, n_classes: int) -> None:
        super().__init__()
        self.frames_per_step = params.frames_per_step
        n_outputs = params.hidden * (2 if params.bidirectional else 1)
        self.recurrent = nn.LSTM(
            n_dims * params.frames_per_step,
            params.hidden,
            params.n_layers,
            batch_first=True,
            bidirectional=params.bidirectional,
        )
        self.attention = nn.Linear(n_outputs, 1, bias=False)  # softmax would not see a bias
        self.dropout = nn.Dropout(params.dropout)
        self.head = nn.Linear(n_outputs, n_classes)

    def forward(self, frames: Tensor) -> Tensor:
        n_steps = frames.shape[1] // self.frames_per_step
        steps = frames[:, : n_steps * self.frames_per_step].reshape(len(frames), n_steps, -1)
        states, _ = self.recurrent(steps)
        weights = self.attention(states).softmax(dim=1)
        return self.head(self.dropout((weights * states).sum(dim=1)))


def build(params: Params, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """Return the network for frames (n_frames, n_dims), with fresh weights from torch's generator.

    Raises ParamsError where a clip has fewer frames than a step.
    """
    if input_shape[0] < params.frames_per_step:
        raise ParamsError(
            f"{PARAMS_FILE}: sizes.frames_per_step is {params.frames_per_step}, expected at most the {input_shape[0]} "
            "frames of a clip; set it lower"
        )
    return Lstm(params, input_shape[1], n_classes)
