"""Rows of clips as split reads them, spoken and of noise, two tasks for them, and what parts they come to."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from stages.split import Params
from stages.tables.labels import SILENCE

KEYWORDS = Params(
    task="keywords",
    keywords=("yes", "no"),
    unknown_share=0.25,
    silence_share=0.5,
    val_share=0.2,
    test_share=0.2,
    test_groups=(),
    seed=1,
)
WORDS = KEYWORDS.model_copy(update={"task": "words", "keywords": ()})


def speech(n_speakers: int = 30, words: Sequence[str] = ("yes", "no", "cat", "dog"), part: str = "") -> list[dict]:
    return [
        row(f"{word}/{speaker:02d}_{take}.wav", word, f"s{speaker:02d}", part=part)
        for word in words
        for speaker in range(n_speakers)
        for take in range(2)
    ]


def noise(name: str, recording_s: float, hop_s: float = 0.5) -> list[dict]:
    starts = np.arange(0, recording_s - 1 + 1e-9, hop_s)
    return [
        row(f"{name}#{i:05d}", SILENCE, name, is_noise=True, recording_s=recording_s, start_s=float(start))
        for i, start in enumerate(starts)
    ]


def row(clip_id: str, word: str, speaker: str, **more: object) -> dict:
    told = {"part": "", "is_noise": False, "recording_s": 1.0, "start_s": 0.0, "seconds": 1.0, "sha256": clip_id} | more
    return {
        "clip_id": clip_id,
        "word": word,
        "speaker": speaker,
        "group": speaker,
        "official_part": told.pop("part"),
        **told,
    }


def table(rows: list[dict]) -> pa.Table:
    return pa.Table.from_pylist(rows)


def parts_of(labels: pa.Table, column: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, part in zip(labels[column].to_pylist(), labels["part"].to_pylist(), strict=True):
        found.setdefault(name, set()).add(part)
    return found
