"""Print what each model and student of params.yaml costs and how far it looks, before anything is trained.

`sees_s` is the sound that one position of the network sees before it sums up the clip: from the start of the first
frame's window to the end of the last one's; empty where it is the whole clip. `multiply_adds` are a clip's, of layers
with weights.

Run  python -m apps.models [FILE] [--classes N]
"""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from torch import nn

from stages import decode, rank, split
from stages.features import FAMILIES
from stages.features.stft import Frame, Framing
from stages.models import MODELS, choices, students
from stages.models.footprint import footprint
from stages.params import PARAMS_FILE, ParamsError, check_section, names_of, read_section
from stages.tables.__main__ import family_table

N_CLASSES = 12  # of networks that are tried or compared; any number fits, and the last layer hardly matters


class Built(NamedTuple):
    """A network, how it learns, and the shape of a clip that it reads."""

    params: choices.Params
    network: nn.Module
    shape: tuple[int, ...]


def input_shape(section: str, params: choices.Params, path: Path) -> tuple[int, ...]:
    """Return the shape of a clip that the model of `section` reads: (n_frames, n_dims) or (n_columns,)."""
    name = params.input
    if name.endswith(".parquet"):
        return (read_section("rank", rank.Params, path).n_selected,)
    if name == choices.FEATURES:
        families = choices.families_of(section, params, names_of("extract.families", path))
        names = [name for family in families for name in family_table(family, path).names]
        return (sum(name not in ("clip_id", "frames") for name in names),)
    clips = read_section("decode", decode.Params, path)
    frame, family = read_section("extract.frame", Frame, path), name.split("/")[-1]
    n_frames = Framing.of(frame, clips.sample_rate_hz).n_frames(round(clips.clip_s * clips.sample_rate_hz))
    module = FAMILIES[family]
    params = read_section(f"extract.families.{family}", module.Params, path)
    return n_frames, len(module.dimensions(params, clips.sample_rate_hz))


def n_classes(path: Path) -> int:
    """Return how many classes the task has; raises ParamsError where only the data can tell."""
    task = read_section("split", split.Params, path)
    if task.task != "keywords":
        raise ParamsError(f"{path}: split.task is {task.task!r}, whose classes are those of the data; give --classes")
    return len(task.keywords) + (task.unknown_share > 0) + (task.silence_share > 0)


def networks(path: Path, classes: int) -> Mapping[str, Built]:
    """Return each model and student of `path`, untrained, by the address of the stage that trains it.

    Raises ParamsError where sizes do not fit what it reads.
    """
    models, taught = names_of("train.models", path), names_of("distill", path, may_be_empty=True)
    sections: dict[str, tuple[str, type[choices.Params]]] = {
        **{f"train@{key}": (f"train.models.{key}", choices.Params) for key in models},
        **{f"distill@{key}": (f"distill.{key}", students.Params) for key in taught},
    }
    built = {}
    for address, (section, kind) in sections.items():
        params = read_section(section, kind, path)
        module, shape = MODELS[params.model], input_shape(section, params, path)
        sizes = check_section(params.sizes, f"{section}.sizes", module.Params, path)
        try:
            built[address] = Built(params, module.build(sizes, shape, classes), shape)
        except ParamsError as error:  # a model does not know whose section its sizes are
            raise ParamsError(str(error).replace(f"{PARAMS_FILE}: sizes.", f"{path}: {section}.sizes.", 1)) from None
    return built


def table(path: Path, classes: int | None) -> list[str]:
    """Return the lines of the table; raises ParamsError for what a stage would refuse."""
    frame = read_section("extract.frame", Frame, path)
    lines = [f"{'model':<16}{'input':<12}{'parameters':>12}{'multiply_adds':>15}{'sees_frames':>13}{'sees_s':>8}"]
    for address, (_, network, shape) in networks(path, classes or n_classes(path)).items():
        found = footprint(network, shape)
        n = found.n_receptive_frames
        sees = f"{n:>13,}{(n - 1) * frame.hop_s + frame.window_s:>8.3f}" if n else ""
        size = " x ".join(map(str, shape))
        key = address.partition("@")[2]
        lines.append(f"{key:<16}{size:<12}{found.n_parameters:>12,}{found.n_multiply_adds:>15,}{sees}")
    return lines


def main() -> None:
    """Print the table of the file named on the command line, or of params.yaml."""
    parser = argparse.ArgumentParser(prog="python -m apps.models", description="What each model costs and sees.")
    parser.add_argument("file", nargs="?", type=Path, default=PARAMS_FILE)
    parser.add_argument("--classes", type=int, help="number of classes, where the data alone can tell")
    chosen = parser.parse_args()
    try:
        print(*table(chosen.file, chosen.classes), sep="\n")
    except ParamsError as error:
        sys.exit(f"{error}")


if __name__ == "__main__":
    main()
