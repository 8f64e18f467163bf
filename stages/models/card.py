"""model.json: all that is needed to read a trained model again, beside its weights."""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from stages.models import MODELS
from stages.params import Section, check_section

EVALUATION_BATCH = 256  # clips at once where nothing is learned; fixed, since the last bit may depend on it
ROWS_AT_ONCE = 1 << 16  # whose float64 copy is in memory


class Card(Section):
    """What a model is and what it reads."""

    model: str  # module in stages/models
    sizes: Mapping[str, object]  # that module's Params
    input: str  # what it reads, below data/
    families: tuple[str, ...]  # whose statistic columns it reads; none where it reads frames or a table
    input_shape: tuple[int, ...]  # (n_frames, n_dims) or (n_columns,)
    dims: tuple[str, ...]  # names of the last axis
    classes: tuple[str, ...]  # in the order of the logits
    mean: tuple[float, ...]  # of each dimension over the training part; taken away from every input
    std: tuple[float, ...]  # standard deviation likewise; every input is divided by it
    seeds: tuple[int, ...]  # one file of weights each


def network(card: Card) -> nn.Module:
    """Return the network of a card with fresh weights; raises ParamsError where the sizes are not the module's."""
    module = MODELS[card.model]
    return module.build(check_section(card.sizes, "sizes", module.Params), card.input_shape, len(card.classes))


def mean_and_std(values: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of the last axis of (n_clips, ..., n_dims), summed in float64.

    NaN, a number that is missing, does not count. A dimension that never changes, or is always missing, gets the
    standard deviation 1, so that it is 0 after normalisation.
    """
    flat = values.reshape(-1, values.shape[-1])
    blocks = [flat[start : start + ROWS_AT_ONCE] for start in range(0, len(flat), ROWS_AT_ONCE)]
    n = np.maximum(sum(np.count_nonzero(~np.isnan(block), axis=0) for block in blocks), 1)
    mean = sum(np.nansum(block, axis=0, dtype=np.float64) for block in blocks) / n
    std = np.sqrt(sum(np.nansum(np.square(block - mean), axis=0) for block in blocks) / n)
    return tuple(mean.tolist()), tuple(np.where(std > 0, std, 1.0).tolist())


def normalised(values: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return values (batch, ..., n_dims) as float32 with mean 0 and standard deviation 1 over the training part.

    What is missing, NaN, stands at the mean.
    """
    return (values.float() - mean).div_(std).nan_to_num_(nan=0.0)  # one new tensor, not three


@torch.no_grad()
def log_probabilities(trained: nn.Module, values: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Return (n_clips, n_classes) natural logarithms of the softmax, from values as stored, on their device."""
    trained.eval()
    batches = values.split(EVALUATION_BATCH)
    return torch.cat([trained(normalised(batch, mean, std)).log_softmax(dim=1) for batch in batches])
