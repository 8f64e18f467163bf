"""Students: small models that learn from labels and from what trained models say of the same clips.

Distillation: Hinton, Vinyals and Dean, 2015, https://arxiv.org/abs/1503.02531. A temperature T above 1 shows a student
which wrong classes its teachers find near. The teachers' term is the cross entropy of softmax(student's logits / T)
against softmax(teachers' logits / T). Its gradient falls as 1 / T^2, so it is taken T^2 times: the share of each term
stays what it is when T is turned.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field
from scipy.special import softmax
from torch import Tensor
from torch.nn.functional import cross_entropy

from stages import pool
from stages.models import MODELS, choices
from stages.params import PARAMS_FILE, ParamsError
from stages.scores import temperature as scaling


class Params(choices.Params):
    """Section distill.<key>."""

    teachers: Literal["all"] | tuple[str, ...]  # keys of train.models
    teacher_share: Annotated[float, Field(ge=0, le=1)]  # of the loss
    temperature: Annotated[float, Field(gt=0)]  # of teachers and student alike, in the teachers' term

    def loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the sum of a batch's losses: (1 - share) * that of the labels + share * T^2 * that of the teachers.

        targets (batch, 2 * n_classes): probabilities of the labels, then of the teachers at the temperature.
        """
        of_labels, of_teachers = targets.chunk(2, dim=1)
        softened = cross_entropy(logits / self.temperature, of_teachers, reduction="sum") * self.temperature**2
        return (1 - self.teacher_share) * super().loss(logits, of_labels) + self.teacher_share * softened


def check_student(section: str, params: Params) -> None:
    """Raise ParamsError where the model learns without a gradient, hence from labels alone."""
    if hasattr(MODELS.get(params.model), "learn"):
        able = [name for name, module in MODELS.items() if not hasattr(module, "learn")]
        raise ParamsError(
            f"{PARAMS_FILE}: {section}.model is {params.model!r}, which learns from labels alone, expected one of "
            f"{', '.join(able)}"
        )


def taught(
    rows: pa.Table, nats: Sequence[np.ndarray], shrinkage: float, temperature: float
) -> tuple[np.ndarray, np.ndarray]:
    """Return what teachers say of the clips of part train, and their weights.

    They vote as the ensemble does: each seed calibrated, weights fitted, on part val alone.

    Parameters
    rows          labels of the clips of parts train and val
    nats          of each teacher: (n_seeds, n_clips, n_classes)
    shrinkage     of the weights (stages/pool.py)
    temperature   of the result

    Returns (n_train_clips, n_classes) float32 probabilities, and (n_teachers,)
    """
    is_val = pc.equal(rows.column("part"), "val").to_numpy()
    label_ids = rows.column("label_id").to_numpy()[is_val].astype(np.int64)
    votes = [
        pool.member([scaling.scaled(one, scaling.fitted(label_ids, one[is_val])) for one in seeds]) for seeds in nats
    ]
    weights = pool.fitted(label_ids, [vote[is_val] for vote in votes], shrinkage)
    logits = pool.voted([vote[~is_val] for vote in votes], weights)
    return softmax(logits / temperature, axis=1).astype(np.float32), weights
