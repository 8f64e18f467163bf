"""The recipe: what the loss is and what decays, against closed forms; learning in another precision."""

from pathlib import Path

import numpy as np
import planted_task
import pytest
import torch
from in_process import run
from safetensors.numpy import load_file
from torch import nn

from stages import train
from stages.files import read_json
from stages.models.choices import Params
from stages.models.recipe import optimizer_of
from stages.params import check_section

RECIPE = {**planted_task.TRAIN, "model": "dnn", "input": "selected.parquet", "augment": {}, "sizes": {}}


def recipe(**changed: object) -> Params:
    return check_section({**RECIPE, **changed}, "train.models.dnn", Params)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_the_loss_is_the_cross_entropy_of_smoothed_targets_in_nats(smoothing: float) -> None:
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(6, 4)), rng.dirichlet(np.ones(4), 6)
    log_probabilities = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    expected = -np.sum(((1 - smoothing) * targets + smoothing / 4) * log_probabilities)
    loss = recipe(label_smoothing=smoothing).loss(torch.from_numpy(logits), torch.from_numpy(targets))
    assert float(loss) == pytest.approx(expected)


@pytest.mark.parametrize(("optimizer", "steps"), [("adamw", 1.0), ("sgd", 1.9)])  # Nesterov adds .9 of its momentum
def test_matrices_decay_and_vectors_do_not(optimizer: str, steps: float) -> None:
    network = nn.Linear(3, 2)
    before = {name: value.detach().clone() for name, value in network.named_parameters()}
    for value in network.parameters():
        value.grad = torch.zeros_like(value)
    optimizer_of(network, recipe(optimizer=optimizer, learning_rate=0.1, weight_decay=0.5)).step()
    torch.testing.assert_close(network.weight.detach(), before["weight"] * (1 - 0.1 * 0.5 * steps))
    assert torch.equal(network.bias, before["bias"])


def test_bfloat16_learns_the_task_and_keeps_weights_in_float32(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted_task.write_task(in_folder)
    weights = []
    for precision in ("32-true", "bf16-mixed"):
        monkeypatch.setenv("EARMARK_PRECISION", precision)
        run(train, monkeypatch, "dnn")
        assert read_json(Path("metrics/train/dnn.json"))["seed_1"]["val_accuracy"] > 0.9
        weights.append(load_file("data/models/dnn/seed-1.safetensors"))
    exact, rounded = weights
    assert {value.dtype for value in rounded.values()} == {np.dtype(np.float32)}
    assert any(not np.array_equal(exact[name], rounded[name]) for name in exact)
