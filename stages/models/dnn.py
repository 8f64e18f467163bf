"""A multilayer perceptron on one vector a clip; frames are laid out as one long vector."""

from math import prod
from typing import Annotated

from pydantic import Field
from torch import Tensor, nn

from stages.params import Section

INPUT_AXES = (1, 2)


class Params(Section):
    """Sizes of the network."""

    hidden: tuple[Annotated[int, Field(ge=1)], ...]  # units of each hidden layer
    dropout: Annotated[float, Field(ge=0, lt=1)]  # share of each hidden layer's units that a step leaves out


class Dnn(nn.Module):
    """(batch, ...) -> (batch, n_classes) logits."""

    def __init__(self, params: Params, n_inputs: int, n_classes: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Flatten()]
        for n_units in params.hidden:
            layers += [nn.Linear(n_inputs, n_units), nn.LayerNorm(n_units), nn.ReLU(), nn.Dropout(params.dropout)]
            n_inputs = n_units
        self.layers = nn.Sequential(*layers, nn.Linear(n_inputs, n_classes))

    def forward(self, vectors: Tensor) -> Tensor:
        return self.layers(vectors)


def build(params: Params, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """Return the network for clips of `input_shape`, with fresh weights from torch's generator."""
    return Dnn(params, prod(input_shape), n_classes)
