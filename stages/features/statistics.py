"""Statistics over time of each dimension of a clip's frames.

Only the frames of the sounding part count: those whose centre lies on a sample before the padding, at least one. So a
short clip is described by its sound, not by the zeros that fill it up; frames near its end do reach into them. A frame
that has no such number (NaN: the jitter of an unvoiced one) does not count in it; where none has one, all statistics of
it are missing.

    mean, std, min, max            std of the population (divided by n)
    skewness, kurtosis             m3 / m2^1.5 and m4 / m2^2 - 3 of the central moments; 0 where the frames are constant
    p10, p50, p90                  percentiles, linear between neighbouring ranks
    slope                          of the least-squares line over time, per second; 0 for a single frame
    change                         mean absolute difference of neighbouring frames; 0 where no two stand side by side

Frames count as constant where they spread less than the resolution of float32. Sums in float64, results in float32.
"""

from collections.abc import Sequence
from typing import Annotated, Literal

import numpy as np
import pyarrow as pa
from numba import njit
from pydantic import AfterValidator, Field

from stages.features.arithmetic import quantile
from stages.features.family import Dimension
from stages.params import Section
from stages.tables.parquet import column

Name = Literal["mean", "std", "skewness", "kurtosis", "min", "p10", "p50", "p90", "max", "slope", "change"]
NAMES = ("mean", "std", "skewness", "kurtosis", "min", "p10", "p50", "p90", "max", "slope", "change")
WITHOUT_UNIT = ("skewness", "kurtosis")
MEANINGS = {
    "mean": "mean over time",
    "std": "standard deviation over time",
    "skewness": "skewness over time",
    "kurtosis": "excess kurtosis over time",
    "min": "smallest",
    "p10": "10th percentile",
    "p50": "median",
    "p90": "90th percentile",
    "max": "greatest",
    "slope": "slope of the line over time",
    "change": "mean absolute difference of neighbouring frames",
}
MEAN, STD, SKEWNESS, KURTOSIS, MIN, P10, P50, P90, MAX, SLOPE, CHANGE = range(11)
RESOLUTION = float(np.finfo(np.float32).eps)


def _each_once(names: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise ValueError("each statistic once")
    return names


class Statistics(Section):
    """Section extract.statistics: which to compute, in this order."""

    names: Annotated[tuple[Name, ...], Field(min_length=1), AfterValidator(_each_once)]


def columns(family: str, dimensions: Sequence[Dimension], names: Sequence[str]) -> list[pa.Field]:
    """Return a float32 column for each statistic of each dimension, `<family>_<what>[_<NN>]_<statistic>[_<unit>]`."""
    fields = []
    for dimension in dimensions:
        for name in names:
            unit = "" if name in WITHOUT_UNIT else dimension.unit
            if name == "slope":
                unit = f"{unit}/s" if unit else "1/s"
            full = "_".join(filter(None, [family, dimension.name, name, suffix_of(unit)]))
            missing = "where no frame has one" if dimension.missing else ""
            fields.append(number(full, unit, f"{MEANINGS[name]} of: {dimension.meaning}", missing))
    return fields


def clip_columns(family: str, dimensions: Sequence[Dimension]) -> list[pa.Field]:
    """Return a float32 column for each number of the whole clip, `<family>_<what>[_<NN>][_<unit>]`."""
    return [
        number("_".join(filter(None, [family, d.name, suffix_of(d.unit)])), d.unit, d.meaning, d.missing)
        for d in dimensions
    ]


def number(name: str, unit: str, meaning: str, missing: str) -> pa.Field:
    """Return a float32 column, which may be null where `missing` says when."""
    if not missing:
        return column(name, pa.float32(), unit, meaning)
    return column(name, pa.float32(), unit, f"{meaning}; null {missing}").with_nullable(True)


def suffix_of(unit: str) -> str:
    """Return a unit as the end of a column's name."""
    return unit.lower().replace("1/", "per_").replace("/", "_per_").replace("^", "").replace("%", "percent")


def over_time(frames: np.ndarray, n_sounding: np.ndarray, hop_s: float) -> np.ndarray:
    """Return all statistics in the order of NAMES: (n_clips, n_dims, 11) float32.

    `frames` (n_clips, n_frames, n_dims) float32; the first `n_sounding` (n_clips,) int64 of each clip count.
    """
    n_sounding = np.minimum(n_sounding, frames.shape[1])
    beyond = np.arange(frames.shape[1]) >= n_sounding[:, None]
    ordered = np.ascontiguousarray(np.where(beyond[:, :, None], np.float32(np.nan), frames).transpose(0, 2, 1))
    ordered.sort(axis=2)  # what does not count, NaN, comes last
    n_counting = frames.shape[1] - np.isnan(ordered).sum(axis=2)
    out = np.empty((frames.shape[0], frames.shape[2], len(NAMES)), np.float32)
    _fill(frames, ordered, n_sounding, n_counting, hop_s, out)
    return out


@njit(nogil=True, cache=True)
def _fill(
    frames: np.ndarray,
    ordered: np.ndarray,
    n_sounding: np.ndarray,
    n_counting: np.ndarray,
    hop_s: float,
    out: np.ndarray,
) -> None:
    """Fill `out` from frames and, per dimension, its values in ascending order, of which `n_counting` count."""
    for clip in range(frames.shape[0]):
        _fill_moments(frames[clip, : n_sounding[clip]], hop_s, out[clip])
        for d in range(frames.shape[2]):
            values, numbers, n = ordered[clip, d], out[clip, d], n_counting[clip, d]
            if n == 0:
                numbers[:] = np.nan
                continue
            if n < n_sounding[clip]:
                _fill_moments_of_some(frames[clip, : n_sounding[clip], d], hop_s, numbers)
            numbers[MIN], numbers[MAX] = values[0], values[n - 1]
            counting = values[:n]
            numbers[P10], numbers[P50] = quantile(counting, 0.1), quantile(counting, 0.5)
            numbers[P90] = quantile(counting, 0.9)


@njit(nogil=True, cache=True)
def _fill_moments(frames: np.ndarray, hop_s: float, numbers: np.ndarray) -> None:
    """Fill mean, std, skewness, kurtosis, slope and change of (n, n_dims) frames, dimensions side by side."""
    n, n_dims = frames.shape
    mean, size, second, third, fourth, tilt, change = np.zeros((7, n_dims))
    for t in range(n):
        for d in range(n_dims):
            mean[d] += float(frames[t, d]) / n
            size[d] = max(size[d], abs(float(frames[t, d])))
    for t in range(n):
        time = t - 0.5 * (n - 1)
        for d in range(n_dims):
            deviation = float(frames[t, d]) - mean[d]
            square = deviation * deviation
            second[d] += square
            third[d] += square * deviation
            fourth[d] += square * square
            tilt[d] += time * deviation
            change[d] += abs(float(frames[t, d]) - float(frames[max(t - 1, 0), d]))
    for d in range(n_dims):
        _set_moments(n, mean[d], second[d], third[d], fourth[d], size[d], numbers[d])
        # The squared deviations of times 0 to n - 1 from their mean sum to n (n^2 - 1) / 12.
        numbers[d, SLOPE] = 0.0 if n < 2 else 12.0 * tilt[d] / (n * (n * n - 1.0)) / hop_s
        numbers[d, CHANGE] = 0.0 if n < 2 else change[d] / (n - 1)


@njit(nogil=True, cache=True)
def _fill_moments_of_some(values: np.ndarray, hop_s: float, numbers: np.ndarray) -> None:
    """Fill the same of one dimension's (n,) values, of which some, but not all, are NaN."""
    places = np.flatnonzero(~np.isnan(values))
    n, mean, mean_place = len(places), 0.0, places.mean()
    for place in places:
        mean += float(values[place]) / n
    size, second, third, fourth, tilt, spread, change, n_pairs = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0
    for k, place in enumerate(places):
        deviation, time = float(values[place]) - mean, place - mean_place
        size = max(size, abs(float(values[place])))
        second += deviation**2
        third += deviation**3
        fourth += deviation**4
        tilt += time * deviation
        spread += time * time
        if k > 0 and places[k - 1] == place - 1:
            change += abs(float(values[place]) - float(values[place - 1]))
            n_pairs += 1
    _set_moments(n, mean, second, third, fourth, size, numbers)
    numbers[SLOPE] = 0.0 if n < 2 else tilt / spread / hop_s
    numbers[CHANGE] = 0.0 if n_pairs == 0 else change / n_pairs


@njit(nogil=True, cache=True)
def _set_moments(
    n: int, mean: float, second: float, third: float, fourth: float, size: float, numbers: np.ndarray
) -> None:
    """Set mean, std, skewness and kurtosis from sums of powers of the deviations; `size` is the greatest magnitude."""
    variance = second / n
    constant = variance <= (RESOLUTION * size) ** 2
    numbers[MEAN], numbers[STD] = mean, variance**0.5
    numbers[SKEWNESS] = 0.0 if constant else third / n / variance**1.5
    numbers[KURTOSIS] = 0.0 if constant else fourth / n / variance**2 - 3.0
