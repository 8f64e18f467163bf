"""distill: whom a student learns from, and that it goes on where it was killed."""

from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
import pytest
import torch
from in_process import run
from interruption import interrupted
from pupil import learned, sections
from safetensors.numpy import load_file

from stages import distill, evaluate, train
from stages.files import LeftoverError, read_json
from stages.models.fitting import Learner
from stages.params import ParamsError
from stages.tables import labels as labels_table
from stages.tables import predictions
from stages.tables.parquet import TableError, read_table, write_table


def alike(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture
def rows(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> pa.Table:
    """The labels of a task on which the teacher dnn is trained."""
    rows = planted_task.write_task(in_folder)
    run(train, monkeypatch, "dnn")
    return rows


# Learning


def test_without_a_share_of_its_own_the_teacher_changes_no_byte(
    rows: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = {"mixup": 0.2, "ema_decay": 0.9}
    content = sections(teacher_share=0.0, **changed)
    content["train"]["models"]["cnn"] |= changed
    found = learned(monkeypatch, content)
    run(train, monkeypatch, "cnn")
    assert alike(found, load_file("data/models/cnn/seed-1.safetensors"))
    assert Path("metrics/distill/pupil.csv").read_bytes() == Path("metrics/train/cnn.csv").read_bytes()


def test_a_student_learns_of_its_teacher_what_wrong_labels_cannot_tell(
    rows: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All training labels become those of the next class; the teacher has learned from the right ones."""
    label_ids = rows.column("label_id").to_numpy().astype(np.int64)
    is_train = np.array(rows.column("part").to_pylist()) == "train"
    wrong = np.where(is_train, (label_ids + 1) % 5, label_ids)
    changed = {"label_id": pa.array(wrong, pa.int16()), "label": pa.array([planted_task.CLASSES[i] for i in wrong])}
    columns = [changed.get(name, rows.column(name)) for name in rows.schema.names]
    write_table(Path("data/labels.parquet"), pa.Table.from_arrays(columns, schema=rows.schema), labels_table.TABLE)
    accuracies = []
    for share in (0.0, 1.0):
        learned(monkeypatch, sections(teacher_share=share, augment={}, epochs=24))
        accuracies.append(read_json(Path("metrics/distill/pupil.json"))["seed_1"]["val_accuracy"])
    assert accuracies[0] < 0.2
    assert accuracies[1] > 0.8


def test_what_teachers_say_is_mixed_as_labels_are(rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    """The teacher here says what the labels say, so both halves of mixed targets stay alike."""
    seen, stepped = [], Learner.step

    def watched(self: Learner, values: torch.Tensor, targets: torch.Tensor, factor: float) -> torch.Tensor:
        seen.append(targets)
        return stepped(self, values, targets, factor)

    monkeypatch.setattr(Learner, "step", watched)
    monkeypatch.setattr(distill, "taught", sure)
    learned(monkeypatch, sections(mixup=0.5, epochs=2))
    mixed = torch.cat(seen)
    torch.testing.assert_close(mixed[:, :5], mixed[:, 5:])
    assert ((mixed > 0.1) & (mixed < 0.9)).any(dim=1).float().mean() > 0.2


def sure(rows: pa.Table, nats: object, shrinkage: float, temperature: float) -> tuple[np.ndarray, np.ndarray]:
    train = np.array(rows.column("part").to_pylist()) == "train"
    return np.eye(5, dtype=np.float32)[rows.column("label_id").to_numpy()[train]], np.ones(1)


def test_the_metrics_tell_teachers_weights_and_the_student_is_evaluated(
    rows: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(train, monkeypatch, "linear")
    content = sections(teachers="all")
    models = content["train"]["models"]
    content["train"]["models"] = {key: models[key] for key in ("dnn", "linear")}
    learned(monkeypatch, content)
    metrics = read_json(Path("metrics/distill/pupil.json"))
    assert list(metrics["teachers"]) == ["dnn", "linear"]
    assert metrics["seed_1"]["val_accuracy"] > 0.8
    run(evaluate, monkeypatch, "pupil", "--student")
    said = read_table(Path("data/predictions/pupil.parquet"), predictions.TABLE)
    assert said.num_rows == 10 * 5 * 3
    told = read_json(Path("metrics/evaluate/pupil.json"))["val"]["log_loss_nats_uncalibrated"]["value"]
    assert told == pytest.approx(metrics["seed_1"]["val_loss_nats"], abs=1e-5)


# Going on


def test_an_interrupted_student_goes_on_to_the_weights_of_an_unbroken_one(
    rows: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = sections(mixup=0.2, ema_decay=0.9)
    unbroken = learned(monkeypatch, content)
    assert alike(learned(monkeypatch, content), unbroken)
    interrupted(monkeypatch, 5, lambda patched: learned(patched, content))
    began = []
    stepped = Learner.step
    monkeypatch.setattr(Learner, "step", lambda self, *rest: began.append(len(self.curve)) or stepped(self, *rest))
    assert alike(learned(monkeypatch, content), unbroken)
    assert min(began) == 5


def test_a_student_does_not_go_on_from_what_another_teacher_taught(
    rows: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = sections()
    interrupted(monkeypatch, 5, lambda patched: learned(patched, content))
    other = planted_task.sections()
    other["train"]["models"]["dnn"]["seeds"] = [7]
    planted_task.write_params(Path(), other)
    run(train, monkeypatch, "dnn")
    began = []
    stepped = Learner.step
    monkeypatch.setattr(Learner, "step", lambda self, *rest: began.append(len(self.curve)) or stepped(self, *rest))
    learned(monkeypatch, content)
    assert min(began) == 0


# Mistakes


@pytest.mark.parametrize("name", ["cnn", "ensemble"])
def test_a_student_has_a_name_of_its_own(name: str, rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    content = sections()
    content["distill"][name] = content["distill"].pop("pupil")
    planted_task.write_params(Path(), content)
    with pytest.raises(ParamsError, match=rf"distill\.{name} has the name of .*, expected another; rename it"):
        run(distill, monkeypatch, name)


def test_a_teacher_that_is_not_trained_is_named(rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TableError, match=r"data/models/lstm/model\.json: is missing; run `dvc repro`"):
        learned(monkeypatch, sections(teachers=["dnn", "lstm"]))


def test_what_a_model_that_is_gone_has_left_stops_the_student(rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("data/models/gone").mkdir()
    with pytest.raises(LeftoverError, match=r"^data/models/gone: "):
        learned(monkeypatch, sections())
