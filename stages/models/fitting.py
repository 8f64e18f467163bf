"""How a network learns: epochs of batches drawn by index from one tensor on the device, AdamW, warm-up and cosine.

The weights after the last epoch are the result: nothing is chosen by looking at a score, so the validation part stays
an honest estimate and the test part is never read.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, cos, pi
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from torch import Generator, Tensor, nn
from torch.nn.functional import cross_entropy, nll_loss

from stages.models.card import log_probabilities, normalised
from stages.models.parts import Groups, Part
from stages.params import Section

Augment = Callable[[Tensor, Generator], Tensor]
"""(batch of values as stored but float32, generator on their device) -> the same batch, changed."""

ORDER, CHANGE, WEIGHTS = range(3)  # streams of random numbers, apart: more epochs or clips do not change first weights


class Recipe(Section):
    """How long and how fast a network learns."""

    epochs: Annotated[int, Field(ge=1)]
    batch_size: Annotated[int, Field(ge=1)]  # clips at most
    learning_rate: Annotated[float, Field(gt=0)]  # the highest, after the warm-up
    warmup_share: Annotated[float, Field(ge=0, lt=1)]  # of all steps, while the rate rises from 0
    weight_decay: Annotated[float, Field(ge=0)]  # of matrices and kernels, not of biases and norms
    label_smoothing: Annotated[float, Field(ge=0, lt=1)]  # probability that is spread over all classes
    unknown_share: Annotated[float, Field(ge=0)]  # unknowns an epoch, as a share of its keyword clips
    silence_share: Annotated[float, Field(ge=0)]  # noise windows likewise


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


def loss_and_accuracy(network: nn.Module, part: Part, mean: Tensor, std: Tensor) -> tuple[float, float]:
    """Return the mean log loss in nats and the share of clips whose most likely class is the true one."""
    scores = log_probabilities(network, part.values, mean, std).double()
    correct = scores.argmax(dim=1) == part.labels
    return float(nll_loss(scores, part.labels)), float(correct.double().mean())


def optimizer_of(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Return AdamW that decays what multiplies (two axes and more) and leaves alone what shifts and scales."""
    weights = list(network.parameters())
    decayed = {"params": [weight for weight in weights if weight.ndim > 1], "weight_decay": recipe.weight_decay}
    free = {"params": [weight for weight in weights if weight.ndim <= 1], "weight_decay": 0.0}
    return torch.optim.AdamW([decayed, free], lr=recipe.learning_rate, fused=True)


def fit(
    network: nn.Module,
    train: Part,
    groups: Groups,
    val: Part,
    scale: tuple[Tensor, Tensor],
    augment: Augment,
    recipe: Recipe,
    seed: int,
    epochs: Sequence[int],
) -> list[Epoch]:
    """Train `network` in place and return its learning curve.

    `scale` is the mean and standard deviation of each dimension. An epoch is cut into batches of equal size, give or
    take one clip: none is dropped and none is tiny. `epochs` counts recipe.epochs; a progress bar may stand there.
    """
    device, (mean, std) = train.values.device, scale
    order, change = generator(seed, ORDER, torch.device("cpu")), generator(seed, CHANGE, device)
    optimizer = optimizer_of(network, recipe)
    curve: list[Epoch] = []
    for epoch in epochs:
        network.train()
        rows = epoch_rows(groups, recipe, order).to(device)
        batches = rows.tensor_split(ceil(len(rows) / recipe.batch_size))
        summed = torch.zeros((), dtype=torch.float64, device=device)
        for index, batch in enumerate(batches):
            factor = rate_factor(epoch * len(batches) + index, recipe.epochs * len(batches), recipe.warmup_share)
            for settings in optimizer.param_groups:
                settings["lr"] = recipe.learning_rate * factor
            values = augment(train.values[batch].float(), change)
            logits = network(normalised(values, mean, std))
            loss = cross_entropy(logits, train.labels[batch], label_smoothing=recipe.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            summed += loss.detach() * len(batch)
        curve.append(Epoch(float(summed) / len(rows), *loss_and_accuracy(network, val, mean, std)))
    return curve
