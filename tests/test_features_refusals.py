"""What cannot be computed is refused in words that name the key, its value and what would do."""

import numpy as np
import pytest
from feature_sounds import FRAMING, PARAMS, RATE, SOUNDS, frames_of

from stages.features import FAMILIES
from stages.features.arithmetic import SMALLEST
from stages.features.engine import as_float, computed, extract
from stages.features.family import FeatureError
from stages.features.statistics import NAMES
from stages.features.stft import Frame, Framing
from stages.params import ParamsError, check_section


def test_a_sample_that_is_no_number_is_refused_and_named() -> None:
    sound = as_float(SOUNDS[:2]).copy()
    sound[1, 77] = np.nan
    with pytest.raises(FeatureError, match=r"clip 1 of the batch: sample 77 is nan"):
        frames_of("mel", sound)


@pytest.mark.parametrize(
    ("family", "change", "message"),
    [
        ("mel", {"n_fft": 256}, "n_fft is 256, expected an even number from the window's 400 samples"),
        ("mel", {"fmax_hz": 9000.0}, "fmax_hz is 9000.0 and fmin_hz is 20.0, expected 0 <= fmin_hz < fmax_hz <= 8000"),
        ("mel", {"n_mels": 200}, "hold no bin of n_fft 512"),
        ("mfcc", {"n_mfcc": 41}, "n_mfcc is 41, expected at most n_mels, 40"),
        ("mfcc", {"delta_width": 4}, "delta_width is 4, expected an odd number"),
        ("spectral", {"contrast_bands": 7}, "contrast_bands is 7: the last begins at 12800 Hz"),
        ("formants", {"margin_hz": 2750.0}, "margin_hz is 2750.0, expected less than 2750, half of max_formant_hz"),
        ("spectral", {"contrast_fmin_hz": 5.0, "contrast_bands": 2}, "a band holds no bin"),
    ],
)
def test_params_that_cannot_be_computed_are_refused_by_name(family, change, message) -> None:
    params = PARAMS[family].model_copy(update=change)
    with pytest.raises(FeatureError) as error:
        computed(FAMILIES[family], params, FRAMING)
    assert message in str(error.value)
    assert str(error.value).startswith(f"params.yaml: extract.families.{family}.{next(iter(change))} is ")


@pytest.mark.parametrize("family", [name for name, params in PARAMS.items() if hasattr(params, "fmax_hz")])
def test_a_band_beyond_half_the_sample_rate_is_refused_with_the_name_of_its_family(family) -> None:
    framing = Framing.of(Frame(window_s=0.025, hop_s=0.01), 8000)
    params = PARAMS[family].model_copy(update={"fmax_hz": 4500.0})
    with pytest.raises(FeatureError, match=rf"^params\.yaml: extract\.families\.{family}\.fmax_hz is 4500.*4000"):
        computed(FAMILIES[family], params, framing)


@pytest.mark.parametrize(
    ("family", "change", "message"),
    [
        ("mel", {"amin": 1e-50}, "amin is 1e-50, expected 1.18e-38 to 3.4e+38, the powers that float32 holds"),
        ("cepstra", {"amin": 0.0}, "amin is 0.0, expected 1.18e-38 to 3.4e+38"),
        ("spectral", {"amin": float("inf")}, "amin is inf, expected a finite number"),
        ("level", {"floor_db": -7000.0}, "floor_db is -7000.0, expected greater than or equal to -1000"),
        ("harmonic", {"floor_db": 0.0}, "floor_db is 0.0, expected less than 0"),
        ("modulation", {"floor_db": -4000.0}, "floor_db is -4000.0, expected greater than or equal to -1000"),
        ("modulation", {"slowest_hz": 1e-9}, "slowest_hz is 1e-09, expected greater than or equal to 0.01"),
        ("pitch", {"voiced_range_db": float("nan")}, "voiced_range_db is nan, expected a finite number"),
    ],
)
def test_numbers_out_of_their_bounds_are_refused_with_key_and_bound(family, change, message) -> None:
    section = PARAMS[family].model_dump() | change
    with pytest.raises(ParamsError) as error:
        check_section(section, f"extract.families.{family}", FAMILIES[family].Params)
    assert f"params.yaml: extract.families.{family}.{message}" in str(error.value)


@pytest.mark.parametrize(
    ("family", "change"),
    [
        *((family, {"amin": SMALLEST}) for family in ("mel", "cepstra", "spectral")),
        *((family, {"floor_db": -1000.0}) for family in ("level", "harmonic", "modulation")),
        ("modulation", {"slowest_hz": 0.01}),
        ("formants", {"margin_hz": 2749.0}),
    ],
)
def test_numbers_at_their_bounds_can_be_computed(family, change) -> None:
    computation, of_clip = computed(FAMILIES[family], PARAMS[family].model_copy(update=change), FRAMING)
    sounds = np.stack([SOUNDS[2], np.zeros(RATE, np.int16)])
    frames, numbers = extract(sounds, np.full(2, RATE), computation, FRAMING, NAMES, of_clip)
    assert not np.isinf(frames).any()
    assert not np.isinf(numbers).any()
    assert family == "formants" or np.isfinite(numbers).all()


def test_no_clip_at_all_is_refused() -> None:
    computation, of_clip = computed(FAMILIES["level"], PARAMS["level"], FRAMING)
    with pytest.raises(FeatureError, match="0 clips, expected at least one"):
        extract(np.empty((0, RATE), np.int16), np.empty(0, int), computation, FRAMING, NAMES, of_clip)


def test_a_clip_with_fewer_frames_than_a_difference_needs_is_refused() -> None:
    with pytest.raises(FeatureError, match="delta_width is 9, but a clip has only 7 frames"):
        frames_of("mfcc", SOUNDS[:1, :1000])


def test_a_hop_of_less_than_a_sample_is_refused() -> None:
    with pytest.raises(FeatureError, match=r"hop_s is 1e-05, expected at least 1 sample"):
        Framing.of(Frame(window_s=0.025, hop_s=1e-5), RATE)
