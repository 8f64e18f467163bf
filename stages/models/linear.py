"""Multinomial logistic regression on one vector a clip: what a weighted sum of columns tells, and no more.

The recipe's weight_decay is its shrinkage.
"""

from torch import nn

from stages.params import Section

INPUT_AXES = (1,)


class Params(Section):
    """It has no sizes but those of its input."""


def build(params: Params, input_shape: tuple[int, ...], n_classes: int) -> nn.Module:
    """Return (batch, n_columns) -> (batch, n_classes) logits, with fresh weights from torch's generator."""
    return nn.Linear(input_shape[0], n_classes)
