"""A trained model as its folder keeps it, model.json and weights, and what it says of clips."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError
from safetensors.numpy import save
from safetensors.torch import load_file

from stages.files import whole, write_json
from stages.models.card import Card, log_probabilities, network
from stages.tables.inputs import Inputs
from stages.tables.parquet import TableError


def write_trained(folder: Path, card: Card, weights: Mapping[int, Mapping[str, np.ndarray]]) -> None:
    """Write a model: `weights` by name of each seed, then its card."""
    for seed, own in weights.items():
        with whole(folder / f"seed-{seed}.safetensors") as temporary:
            temporary.write_bytes(save(dict(own)))
    write_json(folder / "model.json", card.model_dump(mode="json"))


def read_card(path: Path) -> Card:
    """Return the card of a trained model; raises TableError where it is missing or not one."""
    if not path.exists():
        raise TableError(f"{path}: is missing; run `dvc repro` or `dvc pull`")
    try:
        return Card.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise TableError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}; run `dvc repro` again") from None


def predicted(card: Card, folder: Path, inputs: Inputs, where: torch.device) -> np.ndarray:
    """Return log-probabilities of every seed: (n_seeds, n_clips, n_classes) float32, nats."""
    if inputs.values.shape[1:] != card.input_shape or inputs.names != card.dims:
        raise TableError(
            f"data/{card.input}: a clip has shape {inputs.values.shape[1:]}, expected {card.input_shape} with the "
            f"dimensions of {folder / 'model.json'}; run `dvc repro`"
        )
    values = torch.from_numpy(inputs.values).to(where)
    scale = card.scale(where)
    each = []
    for seed in card.seeds:
        trained = network(card)
        trained.load_state_dict(load_file(folder / f"seed-{seed}.safetensors"))
        each.append(log_probabilities(trained.to(where), values, scale).cpu().numpy())
    return np.stack(each)
