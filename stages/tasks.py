"""A class for each clip, a part for each group, a second of noise in one part alone."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from stages.tables.labels import PARTS, SILENCE, UNKNOWN

NO_PART = ""


class TaskError(ValueError):
    """The clips cannot be divided as params.yaml asks."""


def label_words(
    words: np.ndarray, is_noise: np.ndarray, task: str, classes: Sequence[str]
) -> tuple[list[str], np.ndarray]:
    """Return the classes in order and the class number of each clip, -1 for a clip outside the task.

    `keywords`: a word of `classes` is itself, any other `_unknown_`, noise `_silence_`, as far as these two are among
    `classes`. `words`: every word a class, noise left out. `labels`: every word a class, noise too.
    """
    present = sorted(set(words[~is_noise].tolist()))
    if task == "keywords":
        absent = [name for name in classes if name not in {*present, UNKNOWN, SILENCE}]
        if absent:
            raise TaskError(f"split.keywords: no clip says {', '.join(absent)}; words there are {', '.join(present)}")
        names = [word if word in classes or word == SILENCE else UNKNOWN for word in words.tolist()]
    else:
        classes = present if task == "words" else sorted(set(words.tolist()))
        names = words.tolist()
    number = {name: index for index, name in enumerate(classes)}
    return list(classes), np.array([number.get(name, -1) for name in names], np.int64)


def joined_groups(groups: np.ndarray, contents: np.ndarray) -> np.ndarray:
    """Return groups in which those that share a recording, byte for byte, are one, named after the first of them.

    groups, contents (n_clips,): two copies under two names would else lie in two parts.
    """
    _, content_of, n_same = np.unique(contents, return_inverse=True, return_counts=True)
    leader: dict[str, str] = {}

    def first(name: str) -> str:
        while name in leader:
            name = leader[name]
        return name

    seen: dict[int, str] = {}
    for place in np.flatnonzero(n_same[content_of] > 1):
        one, other = first(str(groups[place])), first(seen.setdefault(int(content_of[place]), str(groups[place])))
        if one != other:
            leader[max(one, other)] = min(one, other)
    return np.array([first(name) for name in groups.tolist()], groups.dtype) if leader else groups


def part_groups(
    groups: np.ndarray, label_ids: np.ndarray, official: np.ndarray, shares: Sequence[float], seed: int
) -> np.ndarray:
    """Return the part of each clip so that no group lies in two: official where the source names one, else by share.

    Shares are of the clips whose part nobody names.

    Groups come in the order of the SHA-1 of seed and name. Each goes to the part that lacks most of its classes, then
    to the one whose share of those classes is furthest from filled, so that small classes reach every part.
    """
    names, members = np.unique(groups, return_inverse=True)
    counts = np.zeros((len(names), label_ids.max(initial=0) + 1))
    np.add.at(counts, (members, label_ids), 1)
    part_of = _official_parts(names, members, official)
    have = np.zeros((len(PARTS), counts.shape[1]))
    for index, part in enumerate(PARTS):
        have[index] = counts[part_of == part].sum(axis=0)
    wanted = have + np.outer(shares, counts[part_of == NO_PART].sum(axis=0))
    digests = [hashlib.sha1(f"{seed}:{name}".encode()).digest() for name in names]
    for place in sorted(np.flatnonzero(part_of == NO_PART), key=lambda index: digests[index]):
        touched = counts[place] > 0
        lacking = (have[:, touched] == 0).sum(axis=1) * (np.asarray(shares) > 0)
        deficit = ((wanted - have)[:, touched] * counts[place, touched]).sum(axis=1)
        chosen = max(range(len(PARTS)), key=lambda i: (lacking[i], deficit[i]))
        part_of[place] = PARTS[chosen]
        have[chosen] += counts[place]
    return part_of[members]


def with_test_groups(
    groups: np.ndarray, joined: np.ndarray, official: np.ndarray, free: np.ndarray, chosen: Sequence[str]
) -> np.ndarray:
    """Return official parts by which the groups `chosen`, and those joined with them, are the test part.

    Raises TaskError for a group that is not there, or whose part the source names.
    """
    names = sorted(set(groups[free].tolist()))
    absent = [name for name in chosen if name not in names]
    if absent:
        listed = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "")
        raise TaskError(f"split.test_groups: {absent[0]!r} is no group without a part; those are {listed or 'none'}")
    return np.where(free & np.isin(joined, joined[free & np.isin(groups, chosen)]), "test", official)


def _official_parts(names: np.ndarray, members: np.ndarray, official: np.ndarray) -> np.ndarray:
    part_of = np.full(len(names), NO_PART, object)
    for index, part in sorted(set(zip(members.tolist(), official.tolist(), strict=True))):
        if part and part_of[index]:
            raise TaskError(
                f"group {str(names[index])!r}: is in {part_of[index]} and in {part}; "
                "a group lies in one part, mend the source's lists"
            )
        part_of[index] = part or part_of[index]
    return part_of


def part_noise(
    start_s: np.ndarray, seconds: np.ndarray, recording_s: np.ndarray, shares: Sequence[float]
) -> np.ndarray:
    """Return the part of each window of noise by its time in the recording: train, then val, then test.

    A window that lies across a border is in no part (""), so that no second of noise is in two.
    """
    ends = np.cumsum(shares)
    parts = np.full(len(start_s), NO_PART, object)
    slack = 1e-6  # s, of rounding in float32
    for part, low, high in zip(PARTS, [0.0, *ends[:-1]], ends, strict=True):
        inside = (start_s >= low * recording_s - slack) & (start_s + seconds <= high * recording_s + slack)
        parts[inside] = part
    return parts


def in_two_parts(contents: np.ndarray, parts: np.ndarray) -> int:
    """Return how many recordings lie in more than one part byte for byte; only official parts can bring that about."""
    pairs = set(zip(contents.tolist(), parts.tolist(), strict=True))
    return len(pairs) - len({content for content, _ in pairs})


def counts(table: pa.Table, classes: list[str]) -> list[tuple[str, str, int, int]]:
    """Return (label, part, clips, speakers) for every class and part, none left out.

    Raises TaskError where there is nothing to tell apart, or a class has no clip in a part: it could not be learned,
    chosen or judged.
    """
    label, part, speaker = (table.column(name).to_numpy(zero_copy_only=False) for name in ("label", "part", "speaker"))
    if len(classes) < 2:
        raise TaskError(f"split: the task has {len(classes)} classes ({', '.join(classes)}), expected at least 2")
    found = []
    for name in classes:
        for which in PARTS:
            here = (label == name) & (part == which)
            found.append((name, which, int(here.sum()), len(set(speaker[here]))))
    empty = [(name, which) for name, which, n, _ in found if n == 0]
    if empty:
        name, which = empty[0]
        have = ", ".join(f"{n} in {where}" for label_, where, n, _ in found if label_ == name)
        raise TaskError(
            f"class {name!r}: has no clip in {which} ({have}), and every part needs one by a group of its own; "
            f"record more of it or take it out of the task{'' if len(empty) == 1 else f' ({len(empty)} such gaps)'}"
        )
    return found
