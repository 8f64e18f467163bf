"""What params.yaml chooses for a model, held against what there is: inputs, module, augmentations, shares."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Generator, Tensor

from stages.augmentations import AUGMENTATIONS
from stages.augmentations.setting import Setting
from stages.models import MODELS
from stages.models.card import Card, mean_and_std
from stages.models.fitting import Augment
from stages.models.parts import Groups, Part
from stages.models.recipe import Recipe
from stages.params import PARAMS_FILE, ParamsError, Section, check_section
from stages.tables import labels as labels_table
from stages.tables.inputs import Inputs

FEATURES = "features"


class Params(Recipe):
    """Section train.models.<key>."""

    model: str  # module in stages/models
    input: str  # below data/: features/<family>, features, or selected.parquet
    families: Literal["all"] | tuple[str, ...] | None = None  # of input features, and of that alone
    centred: bool  # each clip's mean over frames and bands is taken away first, and its level with it
    seeds: Annotated[tuple[int, ...], Field(min_length=1)]  # one training each
    augment: Mapping[str, object]  # module in stages/augmentations -> its Params, in the order they are applied
    sizes: Mapping[str, object]  # Params of the model's module


def families_of(section: str, params: Params, known: Sequence[str]) -> tuple[str, ...]:
    """Return the families whose statistic columns the model reads, none where it reads frames or selected columns.

    `section` is where its params stand, as train.models.cnn. Raises ParamsError where families are not among those
    `known`, or stand beside another input than all features.
    """
    where, reads_all = f"{PARAMS_FILE}: {section}", params.input == FEATURES
    twice = params.families and len(set(params.families)) < len(params.families) and params.families != "all"
    if (params.families is None) is reads_all or params.families == () or twice:
        given = "missing" if params.families is None else f"{params.families!r}, input {params.input!r}"
        raise ParamsError(
            f"{where}.families is {given}; expected `all` or some families, each once, beside input {FEATURES!r} alone"
        )
    for name in () if params.families in (None, "all") else params.families:
        if name not in known:
            raise ParamsError(f"{where}.families: {name!r} is unknown, expected `all` or some of {', '.join(known)}")
    return tuple(known) if params.families == "all" else params.families or ()


def card_of(
    section: str, params: Params, families: tuple[str, ...], inputs: Inputs, n_train: int, classes: tuple[str, ...]
) -> Card:
    """Return the card of the model; the first `n_train` of `inputs` are the training part.

    Raises ParamsError where the module is unknown, its sizes are not its own, or it cannot read such an input.
    """
    if params.model not in MODELS:
        raise ParamsError(f"{PARAMS_FILE}: {section}.model is {params.model!r}, expected one of {', '.join(MODELS)}")
    module, shape = MODELS[params.model], inputs.values.shape[1:]
    if len(shape) not in module.INPUT_AXES:
        kind, other = ("frames", "a table of columns") if len(shape) == 2 else ("one vector a clip", "frames")
        raise ParamsError(
            f"{PARAMS_FILE}: {section}.input is {params.input!r}, which holds {kind}; {params.model} reads {other}"
        )
    sizes = check_section(params.sizes, f"{section}.sizes", module.Params).model_dump()
    if params.centred and not inputs.dims_hz:
        raise ParamsError(
            f"{PARAMS_FILE}: {section}.centred is true, but {params.input!r} holds no frames in dB; set it to false"
        )
    mean, std = mean_and_std(inputs.values[:n_train], params.centred)
    names = {
        "model": params.model,
        "sizes": sizes,
        "input": params.input,
        "families": families,
        "centred": params.centred,
        "seeds": tuple(sorted(set(params.seeds))),
    }
    return Card(input_shape=shape, dims=inputs.names, classes=classes, mean=mean, std=std, **names)


def augmentation(section: str, params: Params, inputs: Inputs, train: Part, groups: Groups) -> Augment:
    """Return the augmentations of params.yaml as one function of a batch.

    Raises ParamsError for an unknown one and for any where the input has no time to shift or power to add.
    """
    steps: list[tuple[Callable[[Tensor, Section, Setting, Generator], Tensor], Section]] = []
    for name, settings in params.augment.items():
        where = f"{section}.augment.{name}"
        if name not in AUGMENTATIONS:
            raise ParamsError(f"{PARAMS_FILE}: {where} is unknown, expected one of {', '.join(AUGMENTATIONS)}")
        if not inputs.dims_hz:
            raise ParamsError(
                f"{PARAMS_FILE}: {where} works on log-mel frames, which {params.input!r} are not; set augment to {{}}"
            )
        if AUGMENTATIONS[name].NEEDS_NOISE and len(groups.silences) == 0:
            raise ParamsError(
                f"{PARAMS_FILE}: {where} needs {labels_table.SILENCE} clips in part train, which has 0; remove it"
            )
        steps.append((AUGMENTATIONS[name].apply, check_section(settings, where, AUGMENTATIONS[name].Params)))
    dims_hz = torch.tensor(inputs.dims_hz, device=train.values.device)
    setting = Setting(inputs.hop_s, dims_hz, train.values[groups.silences.to(train.values.device)])

    def augment(values: Tensor, change: Generator) -> Tensor:
        for apply, chosen in steps:
            values = apply(values, chosen, setting, change)
        return values

    return augment


def check_shares(section: str, params: Params, groups: Groups) -> None:
    """Raise ParamsError where the task has a class that no epoch would see."""
    for share, rows in (("unknown_share", groups.unknowns), ("silence_share", groups.silences)):
        if len(rows) and not getattr(params, share):
            raise ParamsError(
                f"{PARAMS_FILE}: {section}.{share} is 0, but the task has such a class, with {len(rows):,} "
                "training clips; give it a share of the keyword clips, or take the class out in section split"
            )
