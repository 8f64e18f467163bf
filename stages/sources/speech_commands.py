"""Google Speech Commands, version 0.01 or 0.02, or any archive in its layout.

`<word>/<speaker>_nohash_<take>.wav`, `_background_noise_/`, `validation_list.txt` and `testing_list.txt`. Where an
archive has no lists, the part follows from the speaker by the rule that made them (SHA-1, 10 % and 10 %). The test
archive of version 0.02 (4,890 clips, 12 classes) may replace the test part; its silence may come from the very noise
recordings that training uses, as published.

Words without recordings can be spoken by the synthesiser, beside the recordings or instead of them: its archive is a
second one, which tells of itself in metadata.csv. In parts "train" its voices leave val and test to recordings.

P. Warden, "Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition", arXiv:1804.03209, 2018.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import model_validator

from stages.origin import NOISE_FOLDER, Origin, SourceError, folder_and_name
from stages.params import Section
from stages.sources import metadata
from stages.sources.source import Archive, Info, archive_in
from stages.sources.transfer import Address, fetch
from stages.synthesis import spoken
from stages.tables.labels import SILENCE

INFO = Info(
    title="Speech Commands",
    homepage="https://arxiv.org/abs/1804.03209",
    licence="CC BY 4.0",
    citation="P. Warden, Speech Commands: A Dataset for Limited-Vocabulary Speech Recognition, arXiv:1804.03209, 2018",
)
INDEX = re.compile(r"(^|/)((validation|testing)_list\.txt|metadata\.csv)$")
SOUND = re.compile(r"^(?P<speaker>[^/]+?)_nohash_\d+\.\w+$")
SPEAKERS_MAX = 2**27 - 1  # of the published rule
VAL_PERCENT = 10.0
TEST_PERCENT = 10.0


class Params(Section):
    """Which archives: the recordings, the canonical test archive, words that are spoken; each may be null."""

    archive: Address | None
    test_archive: Address | None
    spoken: spoken.Params | None  # what source `synthetic` says, as a further archive
    spoken_parts: Literal["train", "all"]  # where voices may be: all in train, or parted like speakers of no list

    @model_validator(mode="after")
    def _something_to_learn_from(self) -> "Params":
        if self.archive is None and self.spoken is None:
            raise ValueError("archive or spoken, or both: a test archive alone holds nothing to learn from")
        return self


class Layout(Section):
    """Nothing to choose: the layout is the data set's own."""


def collect(options: Params, folder: Path) -> tuple[Archive, ...]:
    """Fetch the archive of recordings and the test archive, and have words spoken, where asked for."""
    archives = []
    if options.archive is not None:
        archives.append(fetch(options.archive, folder, "download.options.archive"))
    if options.test_archive is not None:
        archives.append(fetch(options.test_archive, folder, "download.options.test_archive", part="test"))
    if options.spoken is not None:
        spoken.make(options.spoken, folder / spoken.NAME, "train" if options.spoken_parts == "train" else "")
        archives.append(archive_in(folder, spoken.NAME, spoken.URL))
    if len({archive.name for archive in archives}) < len(archives):
        raise SourceError("download.options: two archives have one file name; rename one of them")
    return tuple(archives)


def describe(paths: Sequence[str], texts: Mapping[str, str], layout: Layout, part: str) -> dict[str, Origin]:
    """Return the origin of each of `paths` that is a recording; `texts` holds the lists of the parts.

    Where there is a metadata.csv, it tells instead.
    """
    told = {name: text for name, text in texts.items() if metadata.INDEX.search(name)}
    if told:
        return metadata.describe(paths, told, metadata.Layout(speaker_pattern=""), part)
    listed = {}
    for name, text in texts.items():
        which = "val" if PurePosixPath(name).name.startswith("validation") else "test"
        folder = PurePosixPath(name).parent
        listed.update({str(folder / line.strip()): which for line in text.splitlines() if line.strip()})
    absent = sorted(set(listed) - set(paths)) if texts else []
    if absent:
        raise SourceError(
            f"{', '.join(texts)}: lists {len(absent)} files that are not in the archive, first {absent[0]!r}"
        )
    origins = {}
    for path in paths:
        word, name = folder_and_name(path)
        found = SOUND.match(name)
        if word == NOISE_FOLDER and name.endswith((".wav", ".flac")):
            origins[path] = Origin(SILENCE, path, path, part, is_noise=True)
        elif word == SILENCE and part:
            origins[path] = Origin(SILENCE, path, path, part)
        elif found and word:
            speaker = found["speaker"]
            by_rule = listed.get(path, "train") if texts else part_of(speaker)
            origins[path] = Origin(word, speaker, speaker, part or by_rule)
    return origins


def part_of(speaker: str) -> str:
    """Return the part of a speaker by the data set's own rule: a share of 2^27 - 1 from SHA-1 of the name."""
    number = int(hashlib.sha1(speaker.encode()).hexdigest(), 16)
    percent = (number % (SPEAKERS_MAX + 1)) * (100.0 / SPEAKERS_MAX)
    if percent < VAL_PERCENT:
        return "val"
    return "test" if percent < VAL_PERCENT + TEST_PERCENT else "train"
