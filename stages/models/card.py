"""model.json: all that is needed to read a trained model again, beside its weights."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from stages.models import MODELS
from stages.params import Section, check_section

EVALUATION_BATCH = 256  # clips at once where nothing is learned; fixed, since the last bit may depend on it
ROWS_AT_ONCE = 1 << 16  # whose float64 copy is in memory


class Scale(NamedTuple):
    """What is done to values before a network reads them; tensors on its device."""

    mean: Tensor  # (n_dims,) taken away
    std: Tensor  # (n_dims,) divided by
    centred: bool  # whether each clip's own mean, over frames and dimensions, is taken away before


class Card(Section):
    """What a model is and what it reads."""

    model: str  # module in stages/models
    sizes: Mapping[str, object]  # that module's Params
    input: str  # what it reads, below data/
    families: tuple[str, ...]  # whose statistic columns it reads; none where it reads frames or a table
    input_shape: tuple[int, ...]  # (n_frames, n_dims) or (n_columns,)
    dims: tuple[str, ...]  # names of the last axis
    classes: tuple[str, ...]  # in the order of the logits
    centred: bool  # whether each clip's mean over frames and dimensions is taken away first, and its level with it
    mean: tuple[float, ...]  # of each dimension over the training part; taken away from every input
    std: tuple[float, ...]  # standard deviation likewise; every input is divided by it
    seeds: tuple[int, ...]  # one file of weights each

    def scale(self, where: torch.device) -> Scale:
        """Return what is done to values before the network reads them."""
        return Scale(torch.tensor(self.mean, device=where), torch.tensor(self.std, device=where), self.centred)


def network(card: Card) -> nn.Module:
    """Return the network of a card with fresh weights; raises ParamsError where the sizes are not the module's."""
    module = MODELS[card.model]
    return module.build(check_section(card.sizes, "sizes", module.Params), card.input_shape, len(card.classes))


def mean_and_std(values: np.ndarray, centred: bool) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return mean and standard deviation of the last axis of (n_clips, ..., n_dims), summed in float64.

    Where `centred`, of values (n_clips, n_frames, n_dims) less each clip's own mean. NaN, a number that is missing,
    does not count. A dimension that never changes, or is always missing, gets the standard deviation 1, so that it is
    0 after normalisation.
    """
    n_at_once = max(ROWS_AT_ONCE * values.shape[-1] // max(values[:1].size, 1), 1)
    blocks = [values[start : start + n_at_once] for start in range(0, len(values), n_at_once)]

    def flat(block: np.ndarray) -> np.ndarray:
        if centred:
            block = block - block.mean(axis=(1, 2), keepdims=True, dtype=np.float64)
        return block.reshape(-1, values.shape[-1])

    n = np.maximum(sum(np.count_nonzero(~np.isnan(flat(block)), axis=0) for block in blocks), 1)
    mean = sum(np.nansum(flat(block), axis=0, dtype=np.float64) for block in blocks) / n
    std = np.sqrt(sum(np.nansum(np.square(flat(block) - mean), axis=0) for block in blocks) / n)
    return tuple(mean.tolist()), tuple(np.where(std > 0, std, 1.0).tolist())


def normalised(values: Tensor, scale: Scale) -> Tensor:
    """Return values (batch, ..., n_dims) as float32 with mean 0 and standard deviation 1 over the training part.

    What is missing, NaN, stands at the mean.
    """
    values = values.float()
    if scale.centred:
        values = values - values.mean(dim=(1, 2), keepdim=True)
    return (values - scale.mean).div_(scale.std).nan_to_num_(nan=0.0)  # one new tensor, not three


@torch.no_grad()
def log_probabilities(trained: nn.Module, values: Tensor, scale: Scale) -> Tensor:
    """Return (n_clips, n_classes) natural logarithms of the softmax, from values as stored, on their device."""
    trained.eval()
    batches = values.split(EVALUATION_BATCH)
    return torch.cat([trained(normalised(batch, scale)).log_softmax(dim=1) for batch in batches])
