"""Whose sound a member of an archive is: what a source tells of a path, and what decode carries into the clips."""

from typing import NamedTuple

NOISE_FOLDER = "_background_noise_"
METADATA = "metadata.csv"  # what lies beside sounds and tells of them, in these columns
METADATA_COLUMNS = ("path", "label", "speaker", "group", "part", "sha256")


def folder_and_name(path: str) -> tuple[str, str]:
    """Return the name of the folder that holds a file, "" for none, and the file's own name."""
    folder, _, name = path.rpartition("/")
    return folder.rpartition("/")[2], name


class SourceError(ValueError):
    """A source cannot bring what params.yaml asks for."""


class Origin(NamedTuple):
    """Whose sound a member is. `part` is train, val, test, or empty where the source names none, as is `sha256`."""

    word: str
    speaker: str
    group: str
    part: str = ""
    is_noise: bool = False
    sha256: str = ""
