"""Noise recordings, each of one noise in one kind of file; windows are cut from them later."""

from dataclasses import dataclass
from typing import Annotated

import numpy as np
import soxr
from pydantic import Field

from stages.params import Section
from stages.ranges import drawn
from stages.synthesis.containers import KINDS, Kind
from stages.synthesis.espeak import Synthesizer
from stages.synthesis.noises import NOISES, unit
from stages.synthesis.rooms import RENDER_HZ, Rooms, recorded, through_microphone
from stages.synthesis.voices import Speaker

BABBLE = "babble"
TALKER_PACE = 140  # words a minute


class Backgrounds(Section):
    """How many noise recordings, how long, and how many talkers babble."""

    n_recordings: Annotated[int, Field(ge=1)]
    length_s: Annotated[float, Field(ge=1)]
    n_talkers: Annotated[int, Field(ge=1)]


@dataclass(frozen=True)
class Background:
    """One noise recording to be made; `kind` is a key of KINDS."""

    number: int
    name: str
    noise: str
    kind: str


def plan(options: Backgrounds, kinds: tuple[str, ...], seed: int) -> list[Background]:
    """Return the recordings: every noise and every kind of file in turn, in an order drawn once."""
    rng = np.random.default_rng([seed, 1])
    noises = rng.permutation([*NOISES, BABBLE]).tolist()
    files = rng.permutation(kinds).tolist()
    width = len(str(options.n_recordings - 1))
    recordings = []
    for number in range(options.n_recordings):
        noise = noises[number % len(noises)]
        recordings.append(Background(number, f"{noise}_{number:0{width}d}", noise, files[number % len(files)]))
    return recordings


def background(
    recording: Background,
    options: Backgrounds,
    rooms: Rooms,
    talkers: list[Speaker],
    words: tuple[str, ...],
    rng: np.random.Generator,
) -> tuple[np.ndarray, Kind]:
    """Return samples (n, n_channels) of a noise recording at the rate of its kind, and the kind.

    It is as loud as the loudest clips: whoever cuts windows from it turns them down.
    """
    n = int(options.length_s * RENDER_HZ)
    if recording.noise == BABBLE:
        chosen = [talkers[index] for index in rng.integers(len(talkers), size=options.n_talkers)]
        samples = babble(n, chosen, words, rng)
    else:
        samples = NOISES[recording.noise](n, RENDER_HZ, rng)
    kind = KINDS[recording.kind]
    heard = through_microphone(samples, rooms, rng)
    return recorded(heard, kind, rooms.level_dbfs[1], drawn(rooms.balance_db, rng)), kind


def babble(n: int, talkers: list[Speaker], words: tuple[str, ...], rng: np.random.Generator) -> np.ndarray:
    """Return n samples at RENDER_HZ of talkers who say words in any order, all at once."""
    engine = Synthesizer()
    mixed = np.zeros(n, np.float32)
    for talker in talkers:
        engine.set_voice(talker.accent, talker.variant)
        text = " ".join(rng.choice(words, size=int(n / RENDER_HZ * 3) + 8))
        seed = int(rng.integers(1, 2**31))
        said = engine.say(text, TALKER_PACE, round(talker.pitch), round(talker.pitch_range), seed)
        voice = soxr.resample(said.astype(np.float32) / 32768, engine.sample_rate / talker.tract_length, RENDER_HZ)
        mixed += unit(np.resize(voice, n))
    return unit(mixed)
