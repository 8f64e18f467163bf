"""What the seeds of a model share: parts on the device, how batches are changed, the name of it all."""

from dataclasses import dataclass, replace
from pathlib import Path

import pyarrow as pa
import torch
from torch import Tensor

from stages.models.card import Card, Scale
from stages.models.checkpoint import digest
from stages.models.choices import Params, augmentation, card_of, check_shares
from stages.models.fitting import Augment
from stages.models.launching import n_devices, precision
from stages.models.parts import Groups, Part, checked_classes, grouped, part_on
from stages.tables.inputs import Inputs
from stages.tables.parts import part_rows

CODE = Path(__file__).parent.parent


@dataclass(frozen=True)
class Task:
    """What is learned from, and how."""

    card: Card
    params: Params
    train: Part
    groups: Groups
    val: Part
    augment: Augment
    name: str

    @property
    def scale(self) -> Scale:
        """What is done to values before the network reads them."""
        return self.card.scale(self.train.values.device)


def task_of(
    section: str,
    params: Params,
    families: tuple[str, ...],
    labels: pa.Table,
    inputs: Inputs,
    where: torch.device,
    taught: Tensor | None = None,
) -> Task:
    """Return the task of a model whose params stand at `section`; `inputs` are those of train, then of val.

    `taught` (n_train_clips, n_classes) is what teachers say of each training clip, in the order of the labels.
    """
    rows = part_rows(labels, "train")
    card = card_of(section, params, families, inputs, rows.num_rows, checked_classes(labels))
    train, groups = part_on(where, inputs.values[: rows.num_rows], rows), grouped(rows)
    check_shares(section, params, groups)
    val = part_on(where, inputs.values[rows.num_rows :], part_rows(labels, "val"))
    tensors = {"train": train.values, "labels": train.labels, "val": val.values, "val_labels": val.labels}
    tensors |= {"keywords": groups.keywords, "unknowns": groups.unknowns, "silences": groups.silences}
    if taught is not None:
        train, tensors["taught"] = replace(train, taught=taught.to(where)), taught
    settings = params.model_dump(mode="json", exclude={"seeds"}) | {"device": str(where), "n_devices": n_devices()}
    settings |= {"precision": precision(), "hop_s": inputs.hop_s, "dims_hz": inputs.dims_hz}
    name = digest(settings, tensors, CODE)
    return Task(card, params, train, groups, val, augmentation(section, params, inputs, train, groups), name)
