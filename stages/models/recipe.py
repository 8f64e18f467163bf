"""How long and how fast a network learns, and which clips each epoch takes."""

from dataclasses import dataclass
from math import ceil, cos, pi
from typing import Annotated, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy

from stages.models.parts import Groups
from stages.params import Section

MOMENTUM = 0.9  # of SGD, Nesterov's


class Recipe(Section):
    """How a network learns."""

    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]  # clips at most
    optimizer: Literal["adamw", "sgd"]
    learning_rate: Annotated[float, Field(gt=0)]  # the highest, after the warm-up
    warmup_share: Annotated[float, Field(ge=0, lt=1)]  # of all steps, while the rate rises from 0
    weight_decay: Annotated[float, Field(ge=0)]  # of matrices and kernels, not of biases and norms
    ema_decay: Annotated[float, Field(ge=0, lt=1)]  # a step, of the running mean of weights that is kept; 0 for none
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]  # probability that is spread over all classes
    mixup: Annotated[float, Field(ge=0)]  # alpha of the beta distribution that mixes two clips; 0 for none
    unknown_share: Annotated[float, Field(ge=0)]  # unknowns an epoch, as a share of its keyword clips
    silence_share: Annotated[float, Field(ge=0)]  # noise windows likewise
    patience: Annotated[int, Field(ge=0)]  # epochs without a lower val loss, then stop and keep the best; 0 for never

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the sum of a batch's losses in nats; targets (batch, n_classes) probabilities."""
        return cross_entropy(logits, targets, label_smoothing=self.label_smoothing, reduction="sum")


@dataclass(frozen=True)
class Epoch:
    """One row of the learning curve; losses in nats."""

    train_loss: float  # mean over the epoch's clips as augmented, while learning, with label smoothing
    val_loss: float
    val_accuracy: float


def generator(seed: int, stream: int, device: torch.device) -> Generator:
    """Return the random numbers of one stream of a seed, on a device."""
    state = np.random.SeedSequence([seed, stream]).generate_state(1)[0]
    return Generator(device).manual_seed(int(state))


def drawn(rows: Tensor, n_drawn: int, order: Generator) -> Tensor:
    """Return `n_drawn` of `rows` at random; where there are fewer, each comes equally often, give or take one."""
    if len(rows) == 0 or n_drawn == 0:
        return rows[:0]
    rounds = [rows[torch.randperm(len(rows), generator=order)] for _ in range(ceil(n_drawn / len(rows)))]
    return torch.cat(rounds)[:n_drawn]


def epoch_rows(groups: Groups, recipe: Recipe, order: Generator) -> Tensor:
    """Return the clips of one epoch, shuffled: every keyword clip once, unknowns and silences drawn anew."""
    n_keywords = len(groups.keywords)
    unknowns = drawn(groups.unknowns, round(recipe.unknown_share * n_keywords), order)
    silences = drawn(groups.silences, round(recipe.silence_share * n_keywords), order)
    rows = torch.cat([groups.keywords, unknowns, silences])
    return rows[torch.randperm(len(rows), generator=order)]


def rate_factor(step: int, n_steps: int, warmup_share: float) -> float:
    """Return the learning rate of a step as a share of the highest: a line up to 1, then half a cosine down to 0."""
    n_warmup = round(n_steps * warmup_share)
    if step < n_warmup:
        return (step + 1) / (n_warmup + 1)
    return 0.5 * (1 + cos(pi * (step - n_warmup) / (n_steps - n_warmup)))


def optimizer_of(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return an optimizer that decays what multiplies (two axes and more) and leaves alone what shifts and scales."""
    weights = list(network.parameters())
    decayed = {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": recipe.weight_decay}
    free = {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0}
    if recipe.optimizer == "sgd":
        return torch.optim.SGD([decayed, free], recipe.learning_rate, MOMENTUM, nesterov=True, fused=True)
    return torch.optim.AdamW([decayed, free], recipe.learning_rate, fused=True)


def mixed(values: Tensor, targets: Tensor, alpha: float, order: Generator) -> tuple[Tensor, Tensor]:
    """Return each clip of a batch mixed with another: mixup (Zhang and others 2018), each pair with its own share.

    values (batch, ...), targets (batch, n_classes) probabilities; shares are drawn from Beta(alpha, alpha).
    """
    draw = np.random.default_rng(int(torch.randint(2**62, (), generator=order)))
    share = torch.from_numpy(draw.beta(alpha, alpha, len(values)).astype(np.float32)).to(values.device)
    other = torch.from_numpy(draw.permutation(len(values))).to(values.device)
    by_clip = share.view(-1, *[1] * (values.ndim - 1))
    mixture = by_clip * values + (1 - by_clip) * values[other]
    return mixture, share[:, None] * targets + (1 - share[:, None]) * targets[other]
