"""Read the whole of params.yaml, and the names of your own sounds, as the stages will, before any of them runs.

`dvc repro` looks for a stage's files before the stage can look at its params: a misspelt source, family, model or input
would be a missing file there. Here it is named, with what there is; so are outputs of families and models that have
left params.yaml. Then each family is tried on noise, so that what it cannot compute is said here as well; the first
time, their kernels are compiled on the way, side by side and each once, as the stages could not.

Run  python -m apps.check [FILE]
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

from apps.models import N_CLASSES, networks
from stages import decode, download, ensemble, evaluate, rank, split
from stages.augmentations import AUGMENTATIONS
from stages.conditions import CONDITIONS, telephone
from stages.conditions.material import trials_of
from stages.executors import CopyError, SettingError, in_copies
from stages.extraction import Work, prepare
from stages.features import FAMILIES
from stages.features.family import FeatureError
from stages.features.statistics import Statistics
from stages.features.stft import Frame, Framing
from stages.files import LeftoverError, left_over, refuse_left_over
from stages.keys import check_keys, voters
from stages.models import MODELS, choices, students
from stages.origin import SourceError
from stages.params import PARAMS_FILE, ParamsError, check_section, names_of, read_section, read_yaml
from stages.sources import SOURCES, folder

DAG = Path("dvc.yaml")
Chosen = TypeVar("Chosen", bound=choices.Params)
SECTIONS = ("download", "decode", "split", "extract", "rank", "train", "distill", "evaluate", "ensemble")


def check(path: Path) -> None:
    """Raise ParamsError where a section of `path` is not what its stage takes."""
    for section in read_yaml(path):
        _known(str(section), "", SECTIONS, path)
    chosen = read_section("download", download.Params, path)
    source = SOURCES[chosen.source]
    check_section(chosen.options, "download.options", source.Params, path)
    check_section(read_section("decode", decode.Params, path).layout, "decode.layout", source.Layout, path)
    read_section("split", split.Params, path)
    read_section("extract.frame", Frame, path)
    read_section("extract.statistics", Statistics, path)
    for family in names_of("extract.families", path):
        _known(family, "extract.families.", FAMILIES, path)
        read_section(f"extract.families.{family}", FAMILIES[family].Params, path)
    frames = read_section("rank", rank.Params, path).compact.frames
    _known(frames, "rank.compact.frames: ", _with_frames(path), path)
    models, taught = names_of("train.models", path), names_of("distill", path, may_be_empty=True)
    check_keys(models, taught)
    for key in models:
        _check_model(f"train.models.{key}", choices.Params, path)
    for key in taught:
        student = _check_model(f"distill.{key}", students.Params, path)
        voters(f"distill.{key}.teachers", student.teachers, models)
        students.check_student(f"distill.{key}", student)
    networks(path, N_CLASSES)
    _check_conditions(path)
    voters("ensemble.members", read_section("ensemble", ensemble.Params, path).members, models)


def _check_conditions(path: Path) -> None:
    """Raise ParamsError where a model cannot be judged under a condition on such clips."""
    asked = {trial.condition for trial in trials_of(read_section("evaluate", evaluate.Params, path).conditions, path)}
    task = read_section("split", split.Params, path)
    rate_hz = read_section("decode", decode.Params, path).sample_rate_hz
    noisy = [name for name, module in CONDITIONS.items() if module.NEEDS_NOISE and name in asked]
    if noisy and task.task == "keywords" and not task.silence_share:
        raise ParamsError(
            f"{path}: split.silence_share is 0, expected a share for evaluate.conditions.{noisy[0]}, whose noise "
            "comes from there; take that condition out"
        )
    if "telephone" in asked and rate_hz < telephone.RATE_HZ:
        raise ParamsError(
            f"{path}: decode.sample_rate_hz is {rate_hz}, expected at least {telephone.RATE_HZ} for "
            "evaluate.conditions.telephone; take that condition out"
        )


def check_families(path: Path) -> None:
    """Raise FeatureError where a family cannot be computed as `path` asks; its kernels are compiled after that.

    The first family goes ahead: what it shares with the others is compiled once.
    """
    clips = read_section("decode", decode.Params, path)
    framing = Framing.of(read_section("extract.frame", Frame, path), clips.sample_rate_hz)
    names = read_section("extract.statistics", Statistics, path).names

    def try_out(family: str) -> None:
        params = read_section(f"extract.families.{family}", FAMILIES[family].Params, path)
        prepare(Work(family, params, framing, names), clips.n_clip)

    first, *others = names_of("extract.families", path)
    try_out(first)
    in_copies(try_out, others)


def check_names(folder: Path) -> None:
    """Raise SourceError where DVC cannot keep a file below `folder`, for its name is not UTF-8."""
    for parent, folders, files in os.walk(os.fsencode(folder)):
        for name in sorted(folders + files):
            try:
                name.decode()
            except UnicodeDecodeError as error:
                where = parent + b"/" + name
                raise SourceError(
                    f"{where!r}: the name is not UTF-8 ({error.reason}), and DVC keeps no other; rename it, or give "
                    "the sounds as a tar, whose names may be any bytes (source: archive)"
                ) from None


def check_outputs(path: Path) -> None:
    """Raise LeftoverError where the outputs of a stage's instances stand beside some of an instance that is gone."""
    known: dict[Path, set[str]] = {}
    for stage in cast(Mapping[str, Mapping[str, Any]], read_yaml(DAG)["stages"]).values():
        if "foreach" not in stage:
            continue
        keys = names_of(stage["foreach"].removeprefix("${").removesuffix("}"), path, may_be_empty=True)
        for out in (out for kind in ("outs", "metrics", "plots") for out in stage["do"].get(kind, [])):
            made = Path(out if isinstance(out, str) else next(iter(out)))
            known.setdefault(made.parent, set()).update(made.name.replace("${key}", key) for key in keys)
    refuse_left_over([left for folder, names in sorted(known.items()) for left in left_over(folder, names)])


def _check_model(where: str, kind: type[Chosen], path: Path) -> Chosen:
    params = read_section(where, kind, path)
    _known(params.model, f"{where}.model: ", MODELS, path)
    check_section(params.sizes, f"{where}.sizes", MODELS[params.model].Params, path)
    for name, section in params.augment.items():
        _known(name, f"{where}.augment.", AUGMENTATIONS, path)
        check_section(section, f"{where}.augment.{name}", AUGMENTATIONS[name].Params, path)
    choices.families_of(where, params, list(names_of("extract.families", path)))
    inputs = ["selected.parquet", choices.FEATURES, *(f"features/{family}" for family in _with_frames(path))]
    _known(params.input, f"{where}.input: ", inputs, path)
    in_db = params.input.startswith("features/") and _is_in_db(params.input.removeprefix("features/"), path)
    if params.centred and not in_db:
        raise ParamsError(f"{path}: {where}.centred is true, but {params.input!r} holds no frames in dB")
    return params


def _is_in_db(family: str, path: Path) -> bool:
    """Whether a family's dimensions are the power of bands in dB."""
    params = read_section(f"extract.families.{family}", FAMILIES[family].Params, path)
    dimensions = FAMILIES[family].dimensions(params, read_section("decode", decode.Params, path).sample_rate_hz)
    return all(dimension.band_hz is not None for dimension in dimensions)


def _with_frames(path: Path) -> list[str]:
    """The families that keep their frames."""
    names = names_of("extract.families", path)
    return [name for name in names if read_section(f"extract.families.{name}", FAMILIES[name].Params, path).keep_frames]


def _known(name: str, where: str, known: object, path: Path) -> None:
    if name not in known:  # type: ignore[operator]
        raise ParamsError(f"{path}: {where}{name} is unknown, expected one of {', '.join(known)}")  # type: ignore[arg-type]


def main(arguments: Sequence[str]) -> None:
    """Check the file that `arguments` name, or params.yaml; exits where it is not well."""
    path = Path(arguments[0]) if arguments else PARAMS_FILE
    try:
        check(path)
        check_names(folder.OWN)
        if path == PARAMS_FILE:
            check_outputs(path)
        check_families(path)
    except (ParamsError, SourceError, LeftoverError, FeatureError, SettingError, CopyError) as error:
        sys.exit(f"{error}")
    print(f"{path}: every section is as its stage takes it, and every family can be computed")


if __name__ == "__main__":
    main(sys.argv[1:])
