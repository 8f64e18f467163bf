"""Options of a synthetic source that is small enough for tests."""

from collections.abc import Iterator, Sequence
from functools import partial

from stages.executors import fresh_processes, map_in_order
from stages.params import check_section
from stages.synthesis import spoken
from stages.synthesis.containers import KINDS
from stages.synthesis.voices import Speaker

KEYWORDS = ["yes", "no", "stop", "turn on"]
OPTIONS = {
    "seed": 1,
    "keywords": KEYWORDS,
    "unknown_words": ["bed", "bird", "cat"],
    "n_unknown_per_take": 2,
    "kinds": list(KINDS),
    "voices": {
        "n_speakers": 10,
        "n_takes": 1,
        "accents": ["en", "en-us"],
        "pitch": [20, 80],
        "pitch_range": [20, 90],
        "words_per_minute": [90, 180],
        "tract_length": [0.88, 1.14],
        "take_pitch": 12,
        "take_pace": 0.15,
    },
    "lengths": {"clip_s": 1.0, "shortest_s": 0.8, "short_share": 0.15},
    "rooms": {
        "reverberant_share": 0.7,
        "decay_s": [0.15, 0.6],
        "direct_db": [-2, 12],
        "snr_db": [5, 30],
        "band_share": 0.3,
        "band_low_hz": [150, 500],
        "band_high_hz": [2200, 3800],
        "level_dbfs": [-40, -20],
        "balance_db": [-3, 3],
    },
    "backgrounds": {"n_recordings": 2, "length_s": 3.0, "n_talkers": 2},
}


def params(**changes: object) -> spoken.Params:
    """Options with changes; a mapping changes keys of its section."""
    changed = {k: {**OPTIONS[k], **v} if isinstance(v, dict) else v for k, v in changes.items()}  # type: ignore[dict-item]
    return check_section({**OPTIONS, **changed}, "download.options", spoken.Params)


def made(options: spoken.Params, speakers: Sequence[Speaker]) -> Iterator[list[spoken.Member]]:
    """Yield the recordings of each of `speakers`, made in a process of its own, as the stage does it.

    espeak-ng keeps state from voice to voice; a process that has spoken with dozens of them may crash.
    """
    with fresh_processes() as executor:
        yield from map_in_order(executor, partial(spoken.members, options, []), speakers, ahead=4)
