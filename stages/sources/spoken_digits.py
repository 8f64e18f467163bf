"""The Free Spoken Digit Dataset: `recordings/<digit>_<speaker>_<index>.wav`, 8 kHz, as its repository's zip comes.

Two ways to part it. `official`: indices 0 to 4 are the test part, 5 to 9 validation, and every speaker is in all parts;
its score says how well known speakers are read. `speaker`: nothing is official, and split keeps speakers apart.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

from stages.origin import Origin, folder_and_name
from stages.params import Section
from stages.sources.source import Archive, Info
from stages.sources.transfer import Address, fetch

INFO = Info(
    title="Free Spoken Digit Dataset",
    homepage="https://github.com/Jakobovski/free-spoken-digit-dataset",
    licence="CC BY-SA 4.0",
    citation="Z. Jackson, C. Souza, J. Flaks, Y. Pan, H. Nicolas, A. Thite, Free Spoken Digit Dataset v1.0.8, 2018",
)
INDEX = re.compile(r"(?!)")  # no lists
SOUND = re.compile(r"^(?P<digit>\d)_(?P<speaker>\w+)_(?P<index>\d+)\.wav$")
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


class Params(Section):
    """Which archive."""

    archive: Address


class Layout(Section):
    """How the recordings are parted."""

    parts: Literal["official", "speaker"]


def collect(options: Params, folder: Path) -> tuple[Archive, ...]:
    """Fetch the repository's zip."""
    return (fetch(options.archive, folder, "download.options.archive"),)


def describe(paths: Sequence[str], texts: Mapping[str, str], layout: Layout, part: str) -> dict[str, Origin]:
    """Return the origin of each of `paths` that is a recording of a digit."""
    origins = {}
    for path in paths:
        folder, name = folder_and_name(path)
        found = SOUND.match(name)
        if found and folder == "recordings":
            word, speaker = WORDS[int(found["digit"])], found["speaker"]
            if layout.parts == "official":
                origins[path] = Origin(word, speaker, path, _official_part(int(found["index"])))
            else:
                origins[path] = Origin(word, speaker, speaker)
    return origins


def _official_part(index: int) -> str:
    if index < 5:
        return "test"
    return "val" if index < 10 else "train"
