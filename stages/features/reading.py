"""Samples -> what a model reads of them, computed as extract does: frames of a family, or statistic columns of some."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from stages.features import FAMILIES
from stages.features.engine import computed, extract
from stages.features.family import FeatureError
from stages.features.schema import described, table_of
from stages.features.statistics import Statistics
from stages.features.stft import Frame, Framing
from stages.params import Section, check_section

FRAMES = "features/"

Reading = Callable[[np.ndarray, np.ndarray], np.ndarray]
"""samples (n_clips, n_samples), int16 or floats in -1..1, and how many of them are sound before the padding, (n_clips,)
-> frames (n_clips, n_frames, n_dims) float16, or columns (n_clips, n_columns) float32."""


class Extract(Section):
    """Section extract of params.yaml, all of it."""

    frame: Frame
    statistics: Statistics
    families: Mapping[str, Mapping[str, object]]  # Params of each family's module

    def params_of(self, family: str) -> Section:
        """Return the section of a family; raises FeatureError where there is none."""
        if family not in self.families:
            raise FeatureError(
                f"params.yaml: extract.families.{family} is missing, which the model reads; run `dvc repro`"
            )
        return check_section(self.families[family], f"extract.families.{family}", FAMILIES[family].Params)


def reading_of(source: str, names: Sequence[str], extracted: Extract, sample_rate: int) -> Reading:
    """Return what computes `names` of `source`, both as a model's card has them, of sound at `sample_rate` Hz.

    `features/<family>` are frames with these dimensions, any other source is columns. Raises FeatureError where section
    extract does not give them any more.
    """
    if not source.startswith(FRAMES):
        return columns_of(names, extracted, sample_rate)
    family = source.removeprefix(FRAMES)
    dims = [one.name for one in FAMILIES[family].dimensions(extracted.params_of(family), sample_rate)]
    if dims != list(names):
        raise FeatureError(
            f"params.yaml: extract.families.{family} gives other dimensions than the model reads; run `dvc repro`"
        )
    return frames_of(family, extracted, sample_rate)


def frames_of(family: str, extracted: Extract, sample_rate: int) -> Reading:
    """Return what computes the frames of a family."""
    framing = Framing.of(extracted.frame, sample_rate)
    computation, _ = computed(FAMILIES[family], extracted.params_of(family), framing)

    def frames(samples: np.ndarray, n_sounding_samples: np.ndarray) -> np.ndarray:
        return extract(samples, n_sounding_samples, computation, framing, ())[0]

    return frames


def columns_of(names: Sequence[str], extracted: Extract, sample_rate: int) -> Reading:
    """Return what computes the statistic columns `names`, in that order, and for it the families that have them alone.

    Raises FeatureError where no family of params.yaml has such a column.
    """
    framing = Framing.of(extracted.frame, sample_rate)
    statistics = extracted.statistics.names
    place_of = {name: place for place, name in enumerate(names)}
    parts = []
    for family in extracted.families:
        params = extracted.params_of(family)
        table = table_of(family, *described(FAMILIES[family], params, sample_rate), statistics, framing, None)
        own = [name for name in table.schema.names if name != "clip_id"]
        numbers = [number for number, name in enumerate(own) if name in place_of]
        if numbers:
            places = [place_of.pop(own[number]) for number in numbers]
            parts.append((numbers, places, *computed(FAMILIES[family], params, framing)))
    if place_of:
        raise FeatureError(
            f"column {next(iter(place_of))}, which the model reads, is of no family in params.yaml, section extract"
            f"{f' (so are {len(place_of) - 1} more)' if len(place_of) > 1 else ''}; run `dvc repro`"
        )

    def columns(samples: np.ndarray, n_sounding_samples: np.ndarray) -> np.ndarray:
        values = np.empty((len(samples), len(names)), np.float32)
        for numbers, places, computation, of_clip in parts:
            found = extract(samples, n_sounding_samples, computation, framing, statistics, of_clip)[1]
            values[:, places] = found[:, numbers]
        return values

    return columns
