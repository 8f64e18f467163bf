"""Statistics over time: numpy and scipy on the sounding part, closed forms, and what padding may not do."""

import numpy as np
import pytest
import scipy.stats
from feature_sounds import FRAMING, PARAMS, RATE
from pydantic import ValidationError

from stages.features import FAMILIES
from stages.features.family import Dimension
from stages.features.schema import described
from stages.features.statistics import NAMES, Statistics, clip_columns, columns, over_time

HOP_S = 0.01


def statistics_of(frames: np.ndarray, n_sounding: list[int]) -> dict[str, np.ndarray]:
    """Return each statistic of (n_clips, n_frames, n_dims): (n_clips, n_dims)."""
    found = over_time(frames.astype(np.float32), np.array(n_sounding), HOP_S)
    return {name: found[:, :, place] for place, name in enumerate(NAMES)}


def expected_of(frames: np.ndarray) -> dict[str, np.ndarray]:
    """Return each statistic of one clip's (n_frames, n_dims) with numpy and scipy."""
    times_s = np.arange(len(frames)) * HOP_S
    return {
        "mean": frames.mean(axis=0),
        "std": frames.std(axis=0),
        "skewness": scipy.stats.skew(frames),
        "kurtosis": scipy.stats.kurtosis(frames),
        "min": frames.min(axis=0),
        "p10": np.percentile(frames, 10, axis=0),
        "p50": np.median(frames, axis=0),
        "p90": np.percentile(frames, 90, axis=0),
        "max": frames.max(axis=0),
        "slope": [scipy.stats.linregress(times_s, column).slope for column in frames.T],
        "change": np.abs(np.diff(frames, axis=0)).mean(axis=0),
    }


@pytest.mark.parametrize("n_sounding", [2, 3, 10, 57, 101])
def test_statistics_equal_numpy_and_scipy_on_the_sounding_part(n_sounding: int) -> None:
    frames = np.random.default_rng(1).gamma(2.0, 30.0, (3, 101, 5)).astype(np.float32) - 100
    found = statistics_of(frames, [n_sounding] * 3)
    for clip in range(3):
        for name, values in expected_of(frames[clip, :n_sounding].astype(np.float64)).items():
            np.testing.assert_allclose(found[name][clip], values, rtol=1e-5, atol=1e-5, err_msg=name)


def test_what_follows_the_sound_does_not_count() -> None:
    frames = np.random.default_rng(2).standard_normal((1, 60, 4))
    other = frames.copy()
    other[:, 25:] = 1e4
    for name, values in statistics_of(frames, [25]).items():
        assert values.tobytes() == statistics_of(other, [25])[name].tobytes(), name


@pytest.mark.parametrize("value", [0.0, -100.0, 1e4, 0.1])
def test_constant_frames_have_no_spread_and_no_shape(value: float) -> None:
    found = statistics_of(np.full((1, 101, 1), value), [101])
    for name in ("std", "skewness", "kurtosis", "slope", "change"):
        assert found[name][0, 0] == pytest.approx(0, abs=1e-9), name
    for name in ("mean", "min", "p10", "p50", "p90", "max"):
        assert found[name][0, 0] == np.float32(value), name


def test_frames_without_a_number_do_not_count() -> None:
    generator = np.random.default_rng(4)
    frames = generator.standard_normal((2, 60, 3)).astype(np.float32)
    frames[0, generator.permutation(60)[:25], 1] = np.nan
    frames[1, :, 2] = np.nan
    found = over_time(frames, np.array([50, 60]), HOP_S)
    present = frames[0, :50, 1][~np.isnan(frames[0, :50, 1])].astype(np.float64)[:, None]
    expected = {name: values[0] for name, values in expected_of(present).items() if name not in ("slope", "change")}
    places = np.flatnonzero(~np.isnan(frames[0, :50, 1]))
    expected["slope"] = scipy.stats.linregress(places * HOP_S, present[:, 0]).slope
    expected["change"] = np.nanmean(np.abs(np.diff(frames[0, :50, 1].astype(np.float64))))
    for place, name in enumerate(NAMES):
        assert found[0, 1, place] == pytest.approx(expected[name], rel=1e-5), name
    assert np.isnan(found[1, 2]).all()
    whole = over_time(np.nan_to_num(frames), np.array([50, 60]), HOP_S)
    for clip, dimension in ((0, 0), (0, 2), (1, 0), (1, 1)):
        assert found[clip, dimension].tobytes() == whole[clip, dimension].tobytes()


def test_where_one_frame_has_a_number_it_is_the_mean_and_does_not_change() -> None:
    frames = np.full((1, 9, 1), np.nan, np.float32)
    frames[0, 4] = 7.0
    assert over_time(frames, np.array([9]), HOP_S)[0, 0].tolist() == [7, 0, 0, 0, 7, 7, 7, 7, 7, 0, 0]


def test_a_single_frame_is_its_own_mean_and_does_not_change() -> None:
    found = statistics_of(np.full((1, 5, 1), 7.0), [1])
    assert [float(found[name][0, 0]) for name in NAMES] == [7, 0, 0, 0, 7, 7, 7, 7, 7, 0, 0]


def test_the_slope_of_a_line_is_per_second() -> None:
    line = (3.0 + 20.0 * np.arange(50) * HOP_S)[None, :, None]
    assert statistics_of(line, [50])["slope"][0, 0] == pytest.approx(20.0, rel=1e-5)


def test_a_frame_sounds_where_its_centre_is_before_the_padding() -> None:
    # Centres lie at 0, 160, 320, ...; a sound of 160 samples has its last sample at 159.
    assert FRAMING.n_sounding(np.array([0, 1, 160, 161, 1600, RATE])).tolist() == [1, 1, 1, 2, 10, 100]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_column_has_a_name_of_its_own_a_unit_and_a_meaning(family: str) -> None:
    dimensions, of_clip = described(FAMILIES[family], PARAMS[family], RATE)
    fields = columns(family, dimensions, NAMES) + clip_columns(family, of_clip)
    assert len({field.name for field in fields}) == len(fields)
    for field in fields:
        assert field.name.startswith(f"{family}_")
        assert field.name.isidentifier()
        assert b"unit" in field.metadata
        assert field.metadata[b"meaning"]


def test_a_columns_name_ends_in_its_unit() -> None:
    centroid = Dimension("centroid", "Hz", "mean frequency")
    delta = Dimension("delta_00", "dB/frame", "change")
    bare = Dimension("flux", "", "distance")
    names = [field.name for field in columns("x", [centroid, delta, bare], ["mean", "skewness", "slope"])]
    assert names == [
        "x_centroid_mean_hz",
        "x_centroid_skewness",
        "x_centroid_slope_hz_per_s",
        "x_delta_00_mean_db_per_frame",
        "x_delta_00_skewness",
        "x_delta_00_slope_db_per_frame_per_s",
        "x_flux_mean",
        "x_flux_skewness",
        "x_flux_slope_per_s",
    ]


def test_a_number_that_may_be_missing_is_null_and_says_when() -> None:
    jitter = Dimension("jitter", "%", "change of the period", missing="where periods are few")
    tempo = Dimension("tempo", "1/min", "beats")
    fields = [*columns("x", [jitter], ["mean"]), *clip_columns("x", [jitter, tempo])]
    assert [field.nullable for field in fields] == [True, True, False]
    assert fields[0].metadata[b"meaning"] == b"mean over time of: change of the period; null where no frame has one"
    assert fields[1].metadata[b"meaning"] == b"change of the period; null where periods are few"
    assert [field.name for field in fields] == ["x_jitter_mean_percent", "x_jitter_percent", "x_tempo_per_min"]


def test_an_unknown_statistic_is_refused() -> None:
    with pytest.raises(ValidationError, match="names"):
        Statistics(names=("mean", "average"))


def test_a_statistic_is_asked_for_once() -> None:
    with pytest.raises(ValidationError, match="each statistic once"):
        Statistics(names=("mean", "std", "mean"))
