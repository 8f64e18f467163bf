"""The clips that are judged under conditions, each with what a condition must know of it; and the clips, changed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from stages.conditions import CONDITIONS
from stages.conditions.setting import ConditionError, Level, Setting
from stages.params import PARAMS_FILE, ParamsError, Section, check_section
from stages.tables import labels as labels_table
from stages.tables.sounds import Sounds

CLIPS_AT_ONCE = 32  # in a piece of work


class Trial(NamedTuple):
    """One condition at one level."""

    condition: str
    level: Level | None  # None where nothing is changed
    unit: str


CLEAN = Trial("clean", None, "")


def trials_of(conditions: Mapping[str, object], path: Path = PARAMS_FILE) -> list[Trial]:
    """Return the trials that section evaluate.conditions asks for, the clean one first; none where it is empty.

    Raises ParamsError for a condition that there is not, and for levels that are not its own.
    """
    trials = [CLEAN] if conditions else []
    for name, section in conditions.items():
        if name not in CONDITIONS:
            raise ParamsError(f"{path}: evaluate.conditions.{name} is unknown, expected one of {', '.join(CONDITIONS)}")
        module = CONDITIONS[name]
        params: Section = check_section(section, f"evaluate.conditions.{name}", module.Params, path)
        trials += [Trial(name, level, module.UNIT) for level in module.levels(params)]
    return trials


def drawn_clips(rows: pa.Table, n_clips: int, seed: int) -> pa.Table:
    """Return `n_clips` of the labels `rows`, drawn so that each class keeps its share; all, where n is 0 or too large.

    The k clips of a class get the places 1/2k, 3/2k, ... to 1 in random order; the lowest places of all are drawn.
    """
    if not 0 < n_clips < rows.num_rows:
        return rows
    generator = np.random.default_rng([seed])
    label_ids = rows.column("label_id").to_numpy()
    share = np.empty(rows.num_rows)
    for label_id in np.unique(label_ids):
        own = np.flatnonzero(label_ids == label_id)
        share[own] = (generator.permutation(len(own)) + 0.5) / len(own)
    return rows.take(np.sort(np.argsort(share, kind="stable")[:n_clips]))


def with_noise(drawn: pa.Table, rows: pa.Table) -> list[str]:
    """Return the clip_ids of `drawn`, then of all background noise among the labels `rows`: what is heard."""
    noise = rows.filter(pc.equal(rows.column("label"), labels_table.SILENCE))
    return [*drawn.column("clip_id").to_pylist(), *noise.column("clip_id").to_pylist()]


@dataclass(frozen=True)
class Material:
    """Clips to judge, in the order of `rows`."""

    rows: pa.Table  # of labels
    sounds: Sounds  # theirs
    settings: Sequence[Setting]  # one each

    def pieces(self) -> list[slice]:
        """Return the clips in pieces of work."""
        return [slice(start, start + CLIPS_AT_ONCE) for start in range(0, self.rows.num_rows, CLIPS_AT_ONCE)]

    def changed(self, trial: Trial, clips: slice) -> tuple[np.ndarray, np.ndarray]:
        """Return clips under a condition, (n_clips, n_samples) float32, and how many of their samples are sound.

        What has become longer than a clip loses both ends alike, for words seldom lie there; zeros follow what is
        shorter, as they do in every clip.
        """
        heard = [self.sounds.sound(clip) for clip in range(*clips.indices(self.rows.num_rows))]
        if trial.level is not None:
            apply, settings = CONDITIONS[trial.condition].apply, self.settings[clips]
            heard = [apply(sound, trial.level, setting) for sound, setting in zip(heard, settings, strict=True)]
        n_samples = self.sounds.samples.shape[1]
        samples = np.zeros((len(heard), n_samples), np.float32)
        for row, sound in zip(samples, heard, strict=True):
            start = max(len(sound) - n_samples, 0) // 2
            row[: len(sound)] = sound[start : start + n_samples]
        return samples, np.minimum([len(sound) for sound in heard], n_samples)


def material_of(rows: pa.Table, sounds: Sounds, trials: Sequence[Trial], seed: int) -> Material:
    """Return the clips of the labels `rows` and what conditions must know of each.

    The first of `sounds` are theirs, all others are windows of background noise of the same part. Each clip gets one of
    these, the same at every level; a window of silence may get itself. Raises ConditionError where noise is asked for
    and there is none.
    """
    noise = [np.trim_zeros(sounds.sound(number), "f") for number in range(rows.num_rows, len(sounds.samples))]
    asked = [trial.condition for trial in trials if trial.level is not None and CONDITIONS[trial.condition].NEEDS_NOISE]
    if asked and not noise:
        raise ConditionError(
            f"data/labels.parquet: part test has 0 clips of {labels_table.SILENCE}, expected at least 1 for "
            f"evaluate.conditions.{asked[0]}; take that out, or give background noise"
        )
    noise = noise or [np.zeros(0, np.float32)]
    powers = np.array([np.square(sounds.sound(clip), dtype=np.float64).mean() for clip in range(rows.num_rows)])
    is_silence = pc.equal(rows.column("label"), labels_table.SILENCE).to_numpy()
    powers[is_silence] = np.median(powers[~is_silence])
    numbers = np.random.default_rng([seed, 1]).integers(len(noise), size=rows.num_rows)
    settings = [
        Setting(sounds.sample_rate, noise[number], float(power)) for number, power in zip(numbers, powers, strict=True)
    ]
    return Material(rows, sounds, settings)
