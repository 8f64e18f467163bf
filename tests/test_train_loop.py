"""The training loop: what it keeps, when it stops, where it goes on, and that two processes learn what one does."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import planted_task
import pytest
import torch
from interruption import interrupted
from lightning_fabric import Fabric
from safetensors.numpy import load_file
from torch import nn

from stages import train
from stages.executors import SettingError
from stages.files import read_json
from stages.models.fitting import Learner
from stages.models.recipe import Epoch, Recipe, mixed

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder with a task, made the working directory; one process, on the CPU."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EARMARK_DEVICE", "cpu")
    planted_task.write_task(tmp_path)
    return tmp_path


def run(monkeypatch: pytest.MonkeyPatch, key: str = "cnn", **changed: object) -> dict[str, np.ndarray]:
    """Train a model with some of its section changed, and return its weights."""
    content = planted_task.sections()
    content["train"]["models"][key].update(changed)
    planted_task.write_params(Path(), content)
    monkeypatch.setattr(sys, "argv", ["train", key])
    train.main()
    return load_file(f"data/models/{key}/seed-1.safetensors")


def learner(**changes: object) -> Learner:
    """Return a learner of one linear layer without a bias, from zero weights."""
    network = nn.Linear(2, 2, bias=False)
    nn.init.zeros_(network.weight)
    values = {key: planted_task.TRAIN[key] for key in Recipe.model_fields} | {"weight_decay": 0.0} | changes
    return Learner(network, Recipe.model_validate(values), 1, Fabric(accelerator="cpu", devices=1))


def alike(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


# A step


def test_the_mean_of_weights_moves_by_its_share_of_each_step_and_by_more_at_first() -> None:
    learning = learner(optimizer="sgd", learning_rate=1.0, ema_decay=0.2)
    expected = None
    for keeps in (0.0, 2 / 11, 0.2, 0.2):  # the third would keep 3 / 12
        learning.step(torch.eye(2), torch.eye(2), 1.0)
        weights = learning.raw.weight.detach()
        expected = weights.clone() if expected is None else keeps * expected + (1 - keeps) * weights
    torch.testing.assert_close(learning.kept.weight.detach(), expected)
    assert not torch.equal(learning.kept.weight, learning.raw.weight)


def test_the_first_step_of_sgd_goes_down_the_gradient_with_nesterovs_momentum() -> None:
    # Zero weights give probability 1/2, so the gradient of the mean loss is (1/2 - target) / 2 a clip; Nesterov's first
    # step is 1 + momentum times as long.
    learning = learner(optimizer="sgd", learning_rate=0.1)
    learning.step(torch.eye(2), torch.eye(2), 1.0)
    expected = 0.1 * 1.9 * (torch.eye(2) - 0.5) / 2
    torch.testing.assert_close(learning.raw.weight.detach(), expected)


def test_mixup_mixes_values_and_targets_by_the_same_shares() -> None:
    values, targets = torch.eye(64), torch.eye(64)
    mixture, wanted = mixed(values, targets, 0.5, torch.Generator().manual_seed(1))
    torch.testing.assert_close(mixture, wanted)
    torch.testing.assert_close(mixture.sum(dim=1), torch.ones(64))
    assert len(mixture.max(dim=1).values.unique()) > 32


def test_a_learner_stops_when_the_validation_loss_has_not_fallen_for_its_patience() -> None:
    learning = learner(epochs=9, patience=2)
    falls = [3.0, 2.0, 2.5, 2.1]
    stopped = []
    for loss in falls:
        learning.curve.append(Epoch(1.0, loss, 0.5))
        stopped.append(learning.is_done)
    assert stopped == [False, False, False, True]
    assert not learner(epochs=9).is_done


def test_with_patience_the_epoch_of_the_lowest_validation_loss_is_kept(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, patience=2, epochs=40, learning_rate=0.05)
    rows = [line.split(",") for line in Path("metrics/train/cnn.csv").read_text().splitlines()[1:]]
    losses = [float(row[3]) for row in rows]
    assert len(losses) < 40
    assert losses.index(min(losses)) == len(losses) - 3
    assert read_json(Path("metrics/train/cnn.json"))["seed_1"]["val_loss_nats"] == pytest.approx(min(losses), abs=1e-5)


@pytest.mark.parametrize("changed", [{"optimizer": "sgd", "learning_rate": 0.1}, {"mixup": 0.2}, {"ema_decay": 0.9}])
def test_each_way_to_learn_learns_the_planted_classes(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, changed: dict
) -> None:
    run(monkeypatch, epochs=24, **changed)
    assert read_json(Path("metrics/train/cnn.json"))["seed_1"]["val_accuracy"] > 0.8


# Going on


def test_an_interrupted_training_goes_on_to_the_weights_of_an_unbroken_one(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unbroken = run(monkeypatch, ema_decay=0.9, mixup=0.2)
    curve = Path("metrics/train/cnn.csv").read_bytes()
    interrupted(monkeypatch, 5, lambda patched: run(patched, ema_decay=0.9, mixup=0.2))
    assert len(list(Path(".scratch/train").rglob("seed-1.pt"))) == 1
    began = []
    stepped = Learner.step
    monkeypatch.setattr(Learner, "step", lambda self, *rest: began.append(len(self.curve)) or stepped(self, *rest))
    assert alike(run(monkeypatch, ema_decay=0.9, mixup=0.2), unbroken)
    assert Path("metrics/train/cnn.csv").read_bytes() == curve
    assert min(began) == 5
    assert not list(Path(".scratch/train").rglob("*.pt"))


def test_another_configuration_does_not_go_on_from_it(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unbroken = run(monkeypatch, ema_decay=0.9, mixup=0.3)
    interrupted(monkeypatch, 5, lambda patched: run(patched, ema_decay=0.9, mixup=0.2))
    assert alike(run(monkeypatch, ema_decay=0.9, mixup=0.3), unbroken)


def test_a_killed_process_goes_on_to_the_weights_of_an_unbroken_one(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unbroken = run(monkeypatch, epochs=60)
    script = (
        "import sys; from stages.models import checkpoint; checkpoint.EVERY_S = 0.0; from stages import train;"
        " sys.argv = ['train', 'cnn']; train.main()"
    )
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", script], env=environment)
    deadline = time.monotonic() + 60
    while not list(Path(".scratch/train").rglob("seed-1.pt")) and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert list(Path(".scratch/train").rglob("seed-1.pt"))
    assert alike(run(monkeypatch, epochs=60), unbroken)


# Several processes


def test_two_processes_learn_what_one_does(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = planted_task.SIZES["dnn"] | {"dropout": 0.0}  # each process would leave out other units
    alone = run(monkeypatch, "dnn", sizes=sizes)
    curve = np.loadtxt("metrics/train/dnn.csv", delimiter=",", skiprows=1)
    environment = os.environ | {"PYTHONPATH": str(ROOT), "EARMARK_DEVICES": "2", "EARMARK_DEVICE": "cpu"}
    subprocess.run(
        [sys.executable, "-m", "stages.train", "dnn"], env=environment, check=True, timeout=120, capture_output=True
    )
    together = load_file("data/models/dnn/seed-1.safetensors")
    np.testing.assert_allclose(np.loadtxt("metrics/train/dnn.csv", delimiter=",", skiprows=1), curve, atol=1e-4)
    for name, weight in alone.items():
        np.testing.assert_allclose(together[name], weight, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("EARMARK_DEVICES", "none", r"EARMARK_DEVICES is 'none', expected a whole number"),
        ("EARMARK_PRECISION", "8", r"EARMARK_PRECISION is '8', expected one of 32-true, bf16-mixed"),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str, message: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingError, match=message):
        run(monkeypatch)
