"""What the sound of a task is like: how much of it, how loud, how long, in which formats; a row a class and part.

It begins with one table, `joined`: the rows of labels with columns of clips beside them. A recording is a
`source_path`; a format is container, codec, rate and channels as stored. Loudness is `rms_dbfs` of clips, length is
`recording_s` of recordings. What lets a model cheat is measured in stages/leaks.py.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.tables.clips import FORMAT, Format
from stages.tables.labels import PARTS

COLUMNS = ("source_path", *FORMAT, "recording_s", "start_s", "seconds", "rms_dbfs", "clipped_fraction", "sha256")
DIGITS = 6  # of numbers in metrics
SLACK_S = 1e-4  # lengths are float32

Row = dict[str, object]


@dataclass(frozen=True)
class Sound:
    """The columns of `joined` as arrays (n_clips,); names are numbered from 0, and equal where the names are."""

    part: np.ndarray  # places in PARTS
    label: np.ndarray  # label_id
    recording: np.ndarray
    format: np.ndarray
    speaker: np.ndarray
    group: np.ndarray
    start_s: np.ndarray
    seconds: np.ndarray
    recording_s: np.ndarray
    rms_dbfs: np.ndarray
    clipped_fraction: np.ndarray

    def where(self, chosen: np.ndarray) -> "Sound":
        """Return the clips that `chosen` (n_clips,) bool marks."""
        return Sound(**{name: values[chosen] for name, values in vars(self).items()})


def join(labels: pa.Table, rows: pa.Table) -> pa.Table:
    """Return `labels` with the columns COLUMNS of the `rows` of clips beside them."""
    places = pc.index_in(labels.column("clip_id"), rows.column("clip_id"))
    beside = rows.select(list(COLUMNS)).take(places)
    for name in COLUMNS:
        labels = labels.append_column(name, beside.column(name))
    return labels


def sound_of(joined: pa.Table) -> tuple[Sound, list[Format]]:
    """Return the columns of `joined` as arrays, and the formats in the order of their numbers."""
    columns = [_encoded(joined, name) for name in FORMAT]
    seen, numbers = np.unique(np.stack([column.indices for column in columns], 1), axis=0, return_inverse=True)
    names = [column.dictionary.to_pylist() for column in columns]
    formats = [tuple(told[place] for told, place in zip(names, row, strict=True)) for row in seen.tolist()]
    values = {
        name: joined.column(name).to_numpy().astype(np.float64)
        for name in ("start_s", "seconds", "recording_s", "rms_dbfs", "clipped_fraction")
    }
    return Sound(
        part=pc.index_in(joined.column("part"), pa.array(PARTS)).to_numpy(),
        label=joined.column("label_id").to_numpy(),
        recording=_encoded(joined, "source_path").indices.to_numpy(),
        format=numbers.reshape(-1),
        speaker=_encoded(joined, "speaker").indices.to_numpy(),
        group=_encoded(joined, "group").indices.to_numpy(),
        **values,
    ), formats


def _encoded(joined: pa.Table, name: str) -> pa.DictionaryArray:
    return joined.column(name).combine_chunks().dictionary_encode()


def by_class(sound: Sound, classes: Sequence[str]) -> Iterator[tuple[str, str, Sound]]:
    """Yield (label, part, its clips) for every class and part that has clips."""
    for label_id, label in enumerate(classes):
        for number, part in enumerate(PARTS):
            chosen = (sound.label == label_id) & (sound.part == number)
            if chosen.any():
                yield label, part, sound.where(chosen)


def amounts(sound: Sound) -> Row:
    """Return how much there is; hours of sound, where windows that overlap count once."""
    order = np.lexsort((sound.start_s, sound.recording))
    recording, start_s, seconds = sound.recording[order], sound.start_s[order], sound.seconds[order]
    until_next_s = np.append(np.where(recording[1:] == recording[:-1], np.diff(start_s), np.inf), np.inf)
    return {
        "n_clips": len(seconds),
        "n_recordings": len(np.unique(recording)),
        "n_speakers": len(np.unique(sound.speaker)),
        "n_groups": len(np.unique(sound.group)),
        "hours": round(float(np.minimum(seconds, until_next_s).sum()) / 3600, DIGITS),
    }


def loudness(sound: Sound) -> Row:
    """Return the median of clips' loudness in dBFS, with the 5th and 95th percentile, and how much is clipped."""
    low, median, high = np.percentile(sound.rms_dbfs, (5, 50, 95)).round(DIGITS).tolist()
    return {
        "rms_dbfs": median,
        "rms_dbfs_low": low,
        "rms_dbfs_high": high,
        "clipped_share": round(float((sound.clipped_fraction > 0).mean()), DIGITS),
        "clipped_fraction_max": round(float(sound.clipped_fraction.max()), DIGITS),
    }


def durations(sound: Sound, clip_s: float) -> Row:
    """Return median, least and most seconds of recordings, and the share of clips that are padded to `clip_s`."""
    _, first = np.unique(sound.recording, return_index=True)
    recording_s = sound.recording_s[first]
    return {
        "recording_s": round(float(np.median(recording_s)), DIGITS),
        "recording_s_low": round(float(recording_s.min()), DIGITS),
        "recording_s_high": round(float(recording_s.max()), DIGITS),
        "shorter_share": round(float((sound.seconds < clip_s - SLACK_S).mean()), DIGITS),
    }


def plots(
    sound: Sound, formats: Sequence[Format], classes: Sequence[str], clip_s: float
) -> dict[str, tuple[list[str], list[list[object]]]]:
    """Return tables of rows a class and part to be plotted: name -> columns and lines.

    counts, loudness, durations, and formats: recordings of each format, and their share of the part's recordings.
    """
    rows: dict[str, list[Row]] = {"counts": [], "loudness": [], "durations": [], "formats": []}
    n_in = {part: len(np.unique(sound.recording[sound.part == number])) for number, part in enumerate(PARTS)}
    for label, part, clips in by_class(sound, classes):
        head: Row = {"label": label, "part": part}
        amount = amounts(clips)
        n = {name: amount[name] for name in ("n_clips", "n_recordings")}
        rows["counts"].append(head | amount)
        rows["loudness"].append(head | n | loudness(clips))
        rows["durations"].append(head | n | durations(clips, clip_s))
        for stored, n_recordings in sorted(_of_recordings(clips, formats).items()):
            told = dict(zip(FORMAT, stored, strict=True))
            share = round(n_recordings / n_in[part], DIGITS)
            rows["formats"].append(head | told | {"n_recordings": n_recordings, "share": share})
    return {name: (list(lines[0]), [list(line.values()) for line in lines]) for name, lines in rows.items()}


def totals(sound: Sound, formats: Sequence[Format], clip_s: float) -> dict[str, Row]:
    """Return the facts of each part as a whole, and its recordings by rate and by container and codec."""
    told: dict[str, Row] = {}
    for number, part in enumerate(PARTS):
        clips = sound.where(sound.part == number)
        rates, codecs = Counter[int](), Counter[str]()
        for (container, codec, rate_hz, _), n in _of_recordings(clips, formats).items():
            codecs[f"{container} {codec}"] += n
            rates[rate_hz] += n
        told[part] = amounts(clips) | loudness(clips) | durations(clips, clip_s)
        told[part]["n_recordings_by_codec"] = dict(sorted(codecs.items()))
        told[part]["n_recordings_by_rate_hz"] = {str(rate_hz): n for rate_hz, n in sorted(rates.items())}
    return told


def _of_recordings(sound: Sound, formats: Sequence[Format]) -> Counter[Format]:
    """Return how many recordings each format has."""
    _, first = np.unique(sound.recording, return_index=True)
    return Counter(formats[number] for number in sound.format[first].tolist())
