"""Who speaks: a speaker is a voice variant with an accent, a pitch, a pace and a vocal tract of his own.

The tract is made longer or shorter by playing the synthesizer's sound at another rate: with all resonances pitch and
pace move too, but those are drawn anyway.
"""

import re
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import soxr
from pydantic import Field

from stages.origin import SourceError
from stages.params import Section
from stages.ranges import Range, drawn, within
from stages.synthesis import espeak

# Variants that whisper, croak or speak like a machine.
LEFT_OUT = re.compile(r"Demonic|UniRobot|anikaRobot|robosoft\d*|croak|whisperf?")
ENDINGS = ("", ".", "?", "!")  # the final punctuation turns the intonation
TRIM = 0.002  # of the peak: the synthesizer's own silence lies below
TRIES = 3  # to say a word, before it is called unspeakable
HEADROOM = 1.03  # how much faster than needed a word is said again that did not fit


class Voices(Section):
    """How many speak, and how they differ."""

    n_speakers: Annotated[int, Field(ge=1)]
    n_takes: Annotated[int, Field(ge=1)]
    accents: Annotated[tuple[str, ...], Field(min_length=1)]
    pitch: Annotated[Range, within(0, 100)]
    pitch_range: Annotated[Range, within(0, 100)]
    words_per_minute: Annotated[Range, within(espeak.SLOWEST, espeak.FASTEST)]
    tract_length: Annotated[Range, within(0.5, 2)]
    take_pitch: Annotated[float, Field(ge=0)]
    take_pace: Annotated[float, Field(ge=0, lt=1)]


@dataclass(frozen=True)
class Speaker:
    """One speaker; `name` is unique and safe in a path, `variant` as espeak-ng calls it."""

    number: int
    name: str
    accent: str
    variant: str
    pitch: float
    pitch_range: float
    words_per_minute: float
    tract_length: float


def cast(options: Voices, seed: int) -> list[Speaker]:
    """Return the speakers; every variant speaks once before one speaks twice, then with the next accent."""
    rng = np.random.default_rng([seed, 0])
    variants = rng.permutation([name for name in espeak.variants() if not LEFT_OUT.fullmatch(name)]).tolist()
    first_accent = rng.integers(len(options.accents), size=len(variants))
    width = len(str(options.n_speakers - 1))
    speakers = []
    for number in range(options.n_speakers):
        turn, place = divmod(number, len(variants))
        accent, variant = options.accents[(first_accent[place] + turn) % len(options.accents)], variants[place]
        speakers.append(
            Speaker(
                number=number,
                name=f"{accent}.{safe(variant)}.{number:0{width}d}",
                accent=accent,
                variant=variant,
                pitch=drawn(options.pitch, rng),
                pitch_range=drawn(options.pitch_range, rng),
                words_per_minute=drawn(options.words_per_minute, rng),
                tract_length=drawn(options.tract_length, rng),
            )
        )
    return speakers


def check_accents(options: Voices) -> None:
    """Raise SourceError for an accent that espeak-ng has not."""
    known = espeak.accents()
    for accent in options.accents:
        if accent not in known:
            near = [name for name in known if name.split("-")[0] == accent.lower().split("-")[0]] or known
            raise SourceError(
                f"params.yaml: download.options.voices.accents holds {accent!r}, expected a language of espeak-ng, "
                f"for example {', '.join(near[:12])}"
            )


def safe(name: str) -> str:
    """Return a name with nothing but letters, digits, `-` and `_`."""
    return re.sub(r"[^\w-]+", "_", name).strip("_")


def utter(
    engine: espeak.Synthesizer,
    speaker: Speaker,
    text: str,
    options: Voices,
    longest_s: float,
    sample_rate: int,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return one take of `text` (n,) float32 at `sample_rate` Hz, without silence around, at most `longest_s` long.

    The engine must have the speaker's voice. What is too long is said again faster, whole; raises SourceError for
    what does not fit at the fastest, and for what cannot be spoken at all.
    """
    spoken = text + ENDINGS[rng.integers(len(ENDINGS))]
    pitch = round(np.clip(speaker.pitch + rng.uniform(-1, 1) * options.take_pitch, 0, 100))
    pace = speaker.words_per_minute * (1 + rng.uniform(-1, 1) * options.take_pace)
    seed = int(rng.integers(1, 2**31 - 1))
    played_rate = engine.sample_rate / speaker.tract_length
    while True:
        words_per_minute = round(np.clip(pace, espeak.SLOWEST, espeak.FASTEST))
        said = heard(engine, spoken, words_per_minute, pitch, round(speaker.pitch_range), seed)
        if not said.size:
            raise SourceError(f"espeak-ng: says nothing for {text!r} in {speaker.accent}; write it in other letters")
        too_long = said.size / played_rate / longest_s
        if too_long <= 1:
            return np.asarray(soxr.resample(said, played_rate, sample_rate, "MQ"))
        if words_per_minute == espeak.FASTEST:
            raise SourceError(
                f"espeak-ng: {text!r} takes {said.size / played_rate:.2f} s at the fastest, expected at most "
                f"{longest_s:.2f} s; shorten it or raise lengths in download.options"
            )
        pace = words_per_minute * max(too_long * HEADROOM, 1 + 1 / words_per_minute)


def heard(engine: espeak.Synthesizer, spoken: str, pace: int, pitch: int, pitch_range: int, seed: int) -> np.ndarray:
    """Return what is heard of `spoken`, said again where it is nothing.

    Once in some 100,000 utterances, in a process where many speakers had spoken, the engine gave no sound for a word
    that it can say; it has not been seen in a process of one speaker.
    """
    for _ in range(TRIES):
        said = trimmed(engine.say(spoken, pace, pitch, pitch_range, seed))
        if said.size:
            break
    return said


def trimmed(samples: np.ndarray) -> np.ndarray:
    """Return int16 samples as float32 in -1..1 from the first to the last that can be heard."""
    sound = samples.astype(np.float32) / 32768
    loud = np.flatnonzero(np.abs(sound) > TRIM * np.abs(sound).max(initial=0))
    return sound[loud[0] : loud[-1] + 1] if loud.size else sound[:0]
