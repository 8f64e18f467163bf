"""Students: what their loss is, whose word counts how much, and what none can be made of."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
import pytest
import torch
from in_process import run
from pupil import learned, sections
from torch.nn.functional import cross_entropy, one_hot

from stages import train
from stages.models.students import Params, taught
from stages.params import ParamsError

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
    run(train, monkeypatch, "dnn")
    content = sections()
    change(content["distill"]["pupil"])
    with pytest.raises(ParamsError, match=message):
        learned(monkeypatch, content)
