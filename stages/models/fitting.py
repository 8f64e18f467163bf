"""How a network learns: epochs of batches drawn by index from one tensor on the device, warm-up and cosine.

The weights after the last epoch are the result, or their running mean: nothing is chosen by looking at a score, so the
validation part stays an honest estimate. With `patience`, the epoch of the lowest validation loss is kept, and the
validation scores flatter a little. The test part is never read.

Several processes (see launching.py) take every so-manieth clip of each batch; the gradient is that of the whole batch,
but for what norms learn of it.
"""

import copy
from collections.abc import Callable, Iterable
from dataclasses import astuple
from math import ceil, inf
from typing import TYPE_CHECKING

import torch
from torch import Generator, Tensor, nn
from torch.nn.functional import nll_loss, one_hot
from torch.optim.swa_utils import AveragedModel

from stages.models.card import Scale, log_probabilities, normalised
from stages.models.checkpoint import Checkpoint
from stages.models.parts import Groups, Part
from stages.models.recipe import Epoch, Recipe, epoch_rows, generator, mixed, optimizer_of, rate_factor

if TYPE_CHECKING:  # it takes as long to import as torch, and what reads a trained model needs none of it
    from lightning_fabric import Fabric

Augment = Callable[[Tensor, Generator], Tensor]
"""(batch of values as stored but float32, generator on their device) -> the same batch, changed."""

Tensors = tuple[Tensor, ...] | list[Tensor]

ORDER, CHANGE, WEIGHTS = range(3)  # streams of random numbers, apart: more epochs or clips do not change first weights


class Learner:
    """A network on its way: all that its next epoch hangs on."""

    def __init__(self, network: nn.Module, recipe: Recipe, seed: int, fabric: "Fabric") -> None:
        self.raw, self.recipe, self.fabric = network, recipe, fabric
        self.network, self.optimizer = fabric.setup(network, optimizer_of(network, recipe))
        moved = running_mean(recipe.ema_decay)
        self.mean = AveragedModel(network, multi_avg_fn=moved, use_buffers=True) if recipe.ema_decay else None
        self.order, self.change = generator(seed, ORDER, torch.device("cpu")), generator(seed, CHANGE, fabric.device)
        self.curve: list[Epoch] = []
        self.best: dict[str, Tensor] = {}
        self.least = inf

    @property
    def kept(self) -> nn.Module:
        """The network that is looked at: with the running mean of its weights, where one is kept."""
        return self.raw if self.mean is None else self.mean.module

    @property
    def is_done(self) -> bool:
        """Whether the last epoch is over, or the validation loss has not fallen for too long."""
        losses = [epoch.val_loss for epoch in self.curve]
        waited = len(losses) - 1 - losses.index(min(losses)) if losses else 0
        return len(losses) == self.recipe.epochs or 0 < self.recipe.patience <= waited

    def state(self) -> dict[str, object]:
        """Return what `restore` takes."""
        generators = {
            "order": self.order.get_state(),
            "change": self.change.get_state(),
            "torch": torch.get_rng_state(),
        }
        if self.fabric.device.type == "cuda":
            generators["cuda"] = torch.cuda.get_rng_state(self.fabric.device)
        return {
            "network": self.raw.state_dict(),
            "mean": self.mean.state_dict() if self.mean is not None else {},
            "optimizer": self.optimizer.state_dict(),
            "curve": [astuple(epoch) for epoch in self.curve],
            "best": self.best,
            "least": self.least,
            **generators,
        }

    def restore(self, state: dict) -> None:
        """Go on where a learner of the same recipe, seed and data was when it gave its state."""
        self.raw.load_state_dict(state["network"])
        if self.mean is not None:
            self.mean.load_state_dict(state["mean"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.curve = [Epoch(*row) for row in state["curve"]]
        self.best, self.least = state["best"], state["least"]
        self.order.set_state(state["order"])
        self.change.set_state(state["change"])
        torch.set_rng_state(state["torch"])
        if "cuda" in state:
            torch.cuda.set_rng_state(state["cuda"], self.fabric.device)

    def step(self, values: Tensor, targets: Tensor, factor: float) -> Tensor:
        """Learn from one batch; return the sum of the losses of this process's clips.

        values (batch, ...) normalised, targets as the recipe's loss takes them; factor of the learning rate.
        """
        for settings in self.optimizer.param_groups:
            settings["lr"] = self.recipe.learning_rate * factor
        own = slice(self.fabric.global_rank, None, self.fabric.world_size)
        logits = self.network(values[own])
        losses = self.recipe.loss(logits, targets[own])
        self.optimizer.zero_grad()
        # Processes take the mean of their gradients.
        self.fabric.backward(losses * self.fabric.world_size / len(values))
        self.optimizer.step()
        if self.mean is not None:
            self.mean.update_parameters(self.raw)
        return losses.detach()

    def keep_best(self) -> None:
        """Remember the weights where the last epoch's validation loss is the lowest so far."""
        if self.recipe.patience and self.curve[-1].val_loss < self.least:
            self.least = self.curve[-1].val_loss
            self.best = copy.deepcopy(self.kept.state_dict())


def running_mean(decay: float) -> Callable[[Tensors, Tensors, Tensor | int], None]:
    """Return what moves a mean of weights towards the present ones: by 1 - decay a step, by more in the first steps.

    After n steps the mean keeps (1 + n) / (10 + n) of itself at most, so that first weights are soon forgotten. Norms'
    statistics go with the weights; counts are those of the present.
    """

    @torch.no_grad()
    def move(means: Tensors, present: Tensors, n_steps: Tensor | int) -> None:
        share = 1 - min(decay, (1 + int(n_steps)) / (10 + int(n_steps)))
        if torch.is_floating_point(means[0]):
            torch._foreach_lerp_(means, present, share)
        else:
            torch._foreach_copy_(means, present)

    return move


def loss_and_accuracy(network: nn.Module, part: Part, scale: Scale) -> tuple[float, float]:
    """Return the mean log loss in nats and the share of clips whose most likely class is the true one."""
    scores = log_probabilities(network, part.values, scale).double()
    correct = scores.argmax(dim=1) == part.labels
    return float(nll_loss(scores, part.labels)), float(correct.double().mean())


def fit(
    learner: Learner,
    train: Part,
    groups: Groups,
    val: Part,
    scale: Scale,
    augment: Augment,
    checkpoint: Checkpoint,
    epochs: Callable[[int], Iterable[int]],
) -> nn.Module:
    """Train to the end and return the network whose weights count; its learning curve is the learner's.

    An epoch is cut into batches of equal size, give or take one clip: none is dropped and none is tiny. Goes on from
    the checkpoint, where there is one: `epochs` gives the numbers below recipe.epochs from the one on that it is given.
    """
    recipe, device = learner.recipe, train.values.device
    state = checkpoint.read()
    if state is not None:
        learner.restore(state)
    n_classes = int(train.labels.max()) + 1
    for epoch in epochs(len(learner.curve)):
        if learner.is_done:
            break
        learner.network.train()
        rows = epoch_rows(groups, recipe, learner.order).to(device)
        batches = rows.tensor_split(ceil(len(rows) / recipe.batch_size))
        summed = torch.zeros((), dtype=torch.float64, device=device)
        for index, batch in enumerate(batches):
            factor = rate_factor(epoch * len(batches) + index, recipe.epochs * len(batches), recipe.warmup_share)
            values = normalised(augment(train.values.index_select(0, batch).float(), learner.change), scale)
            targets = one_hot(train.labels[batch], n_classes).to(values.dtype)
            if train.taught is not None:
                targets = torch.cat([targets, train.taught[batch]], dim=1)
            if recipe.mixup:
                values, targets = mixed(values, targets, recipe.mixup, learner.order)
            summed += learner.step(values, targets, factor)
        learner.fabric.all_reduce(summed, reduce_op="sum")
        scores = learner.fabric.broadcast(loss_and_accuracy(learner.kept, val, scale))  # so that all stop at once
        learner.curve.append(Epoch(float(summed) / len(rows), *scores))
        learner.keep_best()
        checkpoint.write(learner.state)
    if learner.best:
        learner.kept.load_state_dict(learner.best)
    return learner.kept
