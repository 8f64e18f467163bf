"""A tar of words spoken by espeak-ng in drawn voices, rooms, noises and kinds of file.

The tar holds `<word>/<speaker>_<take>.<extension>`, `_background_noise_/<noise>.<extension>` and, first, metadata.csv.
All of one speaker is made in a process of its own, from generators seeded by his number alone, so the bytes are the
same for any number of workers. How a recording is made is drawn without a look at its word: rate, encoding, channels,
length and level tell nothing about it. A group is a voice variant: with another accent it is the same throat.
"""

import csv
import hashlib
import io
import multiprocessing
import re
import tarfile
import tempfile
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import numpy as np
from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from stages.executors import fresh_processes, map_in_order, n_workers
from stages.files import whole
from stages.origin import METADATA, METADATA_COLUMNS, NOISE_FOLDER
from stages.params import Section
from stages.ranges import drawn
from stages.synthesis.backgrounds import Background, Backgrounds, background, plan
from stages.synthesis.containers import KINDS, encode
from stages.synthesis.espeak import Synthesizer
from stages.synthesis.rooms import RENDER_HZ, Lengths, Rooms, recorded, render
from stages.synthesis.voices import Speaker, Voices, cast, check_accents, safe, utter

NAME = "synthetic.tar"
URL = "synthetic:espeak-ng"


def slug(word: str) -> str:
    """Return the folder of a word: its letters and digits in lower case, `_` between."""
    return re.sub(r"[\W_]+", "_", unicodedata.normalize("NFC", word).lower()).strip("_")


def _distinct(words: tuple[str, ...]) -> tuple[str, ...]:
    folders: dict[str, str] = {}
    for word in words:
        folder = slug(word)
        if not folder:
            raise ValueError(f"words with a letter or a digit, {word!r} has none")
        if folder in folders:
            raise ValueError(f"words with a folder each, {folders[folder]!r} and {word!r} both get {folder!r}")
        folders[folder] = word
    return words


def _known(kinds: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown or len(set(kinds)) < len(kinds):
        raise ValueError(f"kinds of file, each once, of {', '.join(KINDS)}")
    return kinds


class Params(Section):
    """What is said, by whom, where, and in which kinds of file; all is drawn from generators made from `seed`."""

    seed: Annotated[int, Field(ge=0)]
    keywords: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_distinct)]
    unknown_words: tuple[str, ...]
    n_unknown_per_take: Annotated[int, Field(ge=0)]
    kinds: Annotated[tuple[str, ...], Field(min_length=1), AfterValidator(_known)]
    voices: Voices
    lengths: Lengths
    rooms: Rooms
    backgrounds: Backgrounds

    @field_validator("unknown_words")
    @classmethod
    def _no_keyword(cls, words: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        _distinct((*info.data.get("keywords", ()), *words))
        return words

    @field_validator("n_unknown_per_take")
    @classmethod
    def _enough(cls, n_words: int, info: ValidationInfo) -> int:
        if n_words > len(info.data.get("unknown_words", range(n_words))):
            raise ValueError(f"at most the number of unknown_words, {len(info.data['unknown_words'])}")
        return n_words


@dataclass(frozen=True)
class Member:
    """One file of the tar; fields but `content` are columns of metadata.csv."""

    path: str
    label: str
    speaker: str
    group: str
    content: bytes


def make(options: Params, path: Path, part: str = "") -> None:
    """Write the tar, all of its speech in one part where one is named.

    Raises SourceError where espeak-ng cannot speak, before any work begins.
    """
    check_accents(options.voices)
    Synthesizer()
    speakers = cast(options.voices, options.seed)
    tasks = [*speakers, *plan(options.backgrounds, options.kinds, options.seed)]
    # Each process imports the script anew that was started with -m; what that imports is loaded once, here.
    multiprocessing.set_forkserver_preload(["stages.sources"])
    with fresh_processes() as executor, whole(path) as temporary:
        made = map_in_order(executor, partial(members, options, speakers), tasks, 2 * n_workers())
        pack((member for members_of_task in made for member in members_of_task), temporary, part)


def members(options: Params, speakers: list[Speaker], task: Speaker | Background) -> list[Member]:
    """Return all files of one speaker, or one noise recording; for a process of its own."""
    if isinstance(task, Speaker):
        return list(_speech(options, task))
    rng = np.random.default_rng([options.seed, 2, task.number])
    words = (*options.keywords, *options.unknown_words)
    samples, kind = background(task, options.backgrounds, options.rooms, speakers, words, rng)
    path = f"{NOISE_FOLDER}/{task.name}.{kind.extension}"
    return [Member(path, NOISE_FOLDER, task.name, task.name, encode(samples, kind, task.number))]


def _speech(options: Params, speaker: Speaker) -> Iterator[Member]:
    engine = Synthesizer()
    engine.set_voice(speaker.accent, speaker.variant)
    rooms, lengths = options.rooms, options.lengths
    for serial, (take, word) in enumerate(script(options, speaker)):
        tongue, place = (np.random.default_rng([options.seed, use, speaker.number, serial]) for use in (3, 4))
        utterance = utter(engine, speaker, word, options.voices, lengths.utterance_s, RENDER_HZ, tongue)
        kind = KINDS[str(place.choice(options.kinds))]
        level_dbfs, balance_db = drawn(rooms.level_dbfs, place), drawn(rooms.balance_db, place)
        samples = recorded(render(utterance, rooms, lengths, place), kind, level_dbfs, balance_db)
        path = f"{slug(word)}/{speaker.name}_{take}.{kind.extension}"
        yield Member(path, word, speaker.name, safe(speaker.variant), encode(samples, kind, serial))


def script(options: Params, speaker: Speaker) -> list[tuple[int, str]]:
    """Return what a speaker says, as (take, word): all keywords in each take, and unknown words in turn."""
    rng = np.random.default_rng([options.seed, 5, speaker.number])
    unknown = rng.permutation(options.unknown_words).tolist()
    lines = []
    for take in range(options.voices.n_takes):
        lines += [(take, word) for word in options.keywords]
        first = take * options.n_unknown_per_take
        lines += [(take, unknown[(first + place) % len(unknown)]) for place in range(options.n_unknown_per_take)]
    return lines


def pack(files: Iterator[Member], path: Path, part: str) -> None:
    """Write a tar of metadata.csv and of `files`, sorted by path; contents wait in a temporary file, not in memory."""
    with tempfile.TemporaryFile(dir=path.parent) as spool, tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        places: list[tuple[str, int, int]] = []
        rows = []
        for file in files:
            places.append((file.path, spool.tell(), len(file.content)))
            digest = hashlib.sha256(file.content).hexdigest()
            of_file = "" if file.label == NOISE_FOLDER else part  # noise is parted by its time
            rows.append((file.path, file.label, file.speaker, file.group, of_file, digest))
            spool.write(file.content)
        text = metadata(sorted(rows)).encode()
        _add(tar, METADATA, io.BytesIO(text), len(text))
        for name, start, n_bytes in sorted(places):
            spool.seek(start)
            _add(tar, name, spool, n_bytes)


def metadata(rows: list[tuple[str, ...]]) -> str:
    """Return metadata.csv of rows in the order of METADATA_COLUMNS."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(METADATA_COLUMNS)
    writer.writerows(rows)
    return text.getvalue()


def _add(tar: tarfile.TarFile, name: str, file: io.BufferedIOBase, n_bytes: int) -> None:
    """Add a file without a clock, an owner or a machine in it."""
    info = tarfile.TarInfo(name)
    info.size = n_bytes
    tar.addfile(info, file)
