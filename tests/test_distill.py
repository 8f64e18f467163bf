"""distill: what a student's loss is, whom it learns from, and that it goes on where it was killed."""

import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
import pytest
import torch
from interruption import interrupted
from safetensors.numpy import load_file
from torch.nn.functional import cross_entropy, one_hot

from stages import distill, evaluate, train
from stages.files import LeftoverError, read_json
from stages.models.fitting import Learner
from stages.models.students import Params, taught
from stages.params import ParamsError
from stages.tables import labels as labels_table
from stages.tables import predictions
from stages.tables.parquet import TableError, read_table, write_table

TEACHING = {"teachers": ["dnn"], "teacher_share": 0.5, "temperature": 2.0}


def run(monkeypatch: pytest.MonkeyPatch, stage: object, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["stage", *arguments])
    monkeypatch.setenv("EARMARK_DEVICE", "cpu")
    stage.main()  # type: ignore[attr-defined]


def sections(student: str = "cnn", **changed: object) -> dict:
    """The sections of params.yaml with one student, `pupil`: as the model `student`, with some of it changed."""
    content = planted_task.sections()
    content["distill"] = {"pupil": {**content["train"]["models"][student], **TEACHING, **changed}}
    return content


def learned(monkeypatch: pytest.MonkeyPatch, content: dict) -> dict[str, np.ndarray]:
    """Train the student and return its weights."""
    planted_task.write_params(Path(), content)
    run(monkeypatch, distill, "pupil")
    return load_file("data/students/pupil/seed-1.safetensors")


def alike(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


@pytest.fixture
def rows(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> pa.Table:
    """The labels of a task on which the teacher dnn is trained."""
    rows = planted_task.write_task(in_folder)
    run(monkeypatch, train, "dnn")
    return rows


# The loss


def params(**changed: object) -> Params:
    return Params.model_validate(sections(**changed)["distill"]["pupil"] | {"seeds": (1,), "teachers": ("dnn",)})


def batch() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Logits, labels and what teachers say of 6 clips and 4 classes."""
    draw = torch.Generator().manual_seed(1)
    logits, said = (torch.randn(6, 4, generator=draw, dtype=torch.float64) for _ in range(2))
    return logits.requires_grad_(), one_hot(torch.arange(6) % 4, 4).double(), said


def test_the_loss_is_that_of_labels_and_that_of_teachers_in_their_shares() -> None:
    logits, labels, said = batch()
    soft = (said / 3).softmax(dim=1)
    found = params(teacher_share=0.3, temperature=3.0).loss(logits, torch.cat([labels, soft], dim=1))
    of_teachers = -(soft * (logits / 3).log_softmax(dim=1)).sum()
    expected = 0.7 * cross_entropy(logits, labels, reduction="sum") + 0.3 * 9 * of_teachers
    assert found.item() == pytest.approx(expected.item())


def test_teachers_are_agreed_with_where_the_logits_are_theirs() -> None:
    _, labels, said = batch()
    logits = (said + 5).requires_grad_()
    targets = torch.cat([labels, (said / 2).softmax(dim=1)], dim=1)
    params(teacher_share=1.0).loss(logits, targets).backward()
    torch.testing.assert_close(logits.grad, torch.zeros_like(logits))


def test_at_high_temperature_the_gradient_is_the_distance_of_logits() -> None:
    """Hinton and others 2015, section 2.1: T^2 times the gradient tends to (z - v) / n_classes, both without mean."""
    logits, labels, said = batch()
    targets = torch.cat([labels, (said / 1e4).softmax(dim=1)], dim=1)
    params(teacher_share=1.0, temperature=1e4).loss(logits, targets).backward()
    apart = (logits - logits.mean(dim=1, keepdim=True)) - (said - said.mean(dim=1, keepdim=True))
    torch.testing.assert_close(logits.grad, apart.detach() / 4, atol=1e-3, rtol=1e-3)


def test_teachers_weights_are_those_of_the_ensemble_and_val_is_not_taught() -> None:
    rows = planted_task.label_rows()
    rows = rows.filter(pa.array([part != "test" for part in rows.column("part").to_pylist()]))
    draw, label_ids = np.random.default_rng(1), rows.column("label_id").to_numpy()
    nats = [torch.from_numpy(draw.normal(size=(2, len(rows), 5))).log_softmax(dim=2).numpy() for _ in range(2)]
    nats[0][:, np.arange(len(rows)), label_ids] += 1
    nats = [torch.from_numpy(one).log_softmax(dim=2).numpy() for one in nats]
    said, weights = taught(rows, nats, 0.0, 2.0)
    assert said.shape == (12 * 5 * 3, 5)
    np.testing.assert_allclose(said.sum(axis=1), 1, rtol=1e-6)
    assert weights[0] > 2 * weights[1] >= 0


# Learning


def test_without_a_share_of_its_own_the_teacher_changes_no_byte(
    rows: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = {"mixup": 0.2, "ema_decay": 0.9}
    content = sections(teacher_share=0.0, **changed)
    content["train"]["models"]["cnn"] |= changed
    found = learned(monkeypatch, content)
    run(monkeypatch, train, "cnn")
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
    run(monkeypatch, train, "linear")
    content = sections(teachers="all")
    models = content["train"]["models"]
    content["train"]["models"] = {key: models[key] for key in ("dnn", "linear")}
    learned(monkeypatch, content)
    metrics = read_json(Path("metrics/distill/pupil.json"))
    assert list(metrics["teachers"]) == ["dnn", "linear"]
    assert metrics["seed_1"]["val_accuracy"] > 0.8
    run(monkeypatch, evaluate, "pupil", "--student")
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
    run(monkeypatch, train, "dnn")
    began = []
    stepped = Learner.step
    monkeypatch.setattr(Learner, "step", lambda self, *rest: began.append(len(self.curve)) or stepped(self, *rest))
    learned(monkeypatch, content)
    assert min(began) == 0


# Mistakes


Change = Callable[[dict], object]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda student: student.update(teachers=["rnn"]), r"distill\.pupil\.teachers: 'rnn' is unknown, expected"),
        (lambda student: student.update(teachers=[]), r"distill\.pupil\.teachers is \[\], expected"),
        (lambda student: student.update(teacher_share=1.5), r"distill\.pupil\.teacher_share is 1\.5, expected"),
        (lambda student: student.update(temperature=0.0), r"distill\.pupil\.temperature is 0\.0, expected"),
        (lambda student: student.update(model="cn"), r"distill\.pupil\.model is 'cn', expected one of"),
        (lambda student: student.update(model="trees"), r"distill\.pupil\.model is 'trees', which learns from labels"),
        (lambda student: student.pop("teachers"), r"distill\.pupil\.teachers is missing"),
    ],
)
def test_a_mistake_in_a_student_is_named(
    in_folder: Path, monkeypatch: pytest.MonkeyPatch, change: Change, message: str
) -> None:
    planted_task.write_task(in_folder)
    run(monkeypatch, train, "dnn")
    content = sections()
    change(content["distill"]["pupil"])
    with pytest.raises(ParamsError, match=message):
        learned(monkeypatch, content)


@pytest.mark.parametrize("name", ["cnn", "ensemble"])
def test_a_student_has_a_name_of_its_own(name: str, rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    content = sections()
    content["distill"][name] = content["distill"].pop("pupil")
    planted_task.write_params(Path(), content)
    with pytest.raises(ParamsError, match=rf"distill\.{name} has the name of .*, expected another; rename it"):
        run(monkeypatch, distill, name)


def test_a_teacher_that_is_not_trained_is_named(rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TableError, match=r"data/models/lstm/model\.json: is missing; run `dvc repro`"):
        learned(monkeypatch, sections(teachers=["dnn", "lstm"]))


def test_what_a_model_that_is_gone_has_left_stops_the_student(rows: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("data/models/gone").mkdir()
    with pytest.raises(LeftoverError, match=r"^data/models/gone: "):
        learned(monkeypatch, sections())
