"""cepstra: filter banks and cepstra against closed forms, their formulas in float64, scipy's gammatone and spafe."""

import numpy as np
import pytest
import torch
from feature_sounds import FRAMING, RATE, SOUNDS
from scipy.fft import dct
from scipy.signal import freqz, gammatone
from spafe.features.gfcc import gfcc
from spafe.features.lfcc import lfcc
from spafe.utils.preprocessing import SlidingWindow

from stages.features import cepstra
from stages.features.cepstra import auditory
from stages.features.engine import as_float, batch_frames
from stages.features.family import FeatureError
from stages.features.stft import PowerSpectrum

PARAMS = cepstra.Params(
    n_fft=512,
    fmin_hz=20.0,
    fmax_hz=7600.0,
    amin=1e-10,
    n_gammatone=32,
    gammatone_compression="cube_root",
    n_gfcc=13,
    n_linear=40,
    n_lfcc=20,
    plp_order=12,
    n_plp=13,
    keep_frames=True,
)
BINS_HZ = np.arange(257) * RATE / 512
NAMES = [dimension.name for dimension in cepstra.dimensions(PARAMS, RATE)]


def found(kind: str, sounds: np.ndarray, params: cepstra.Params = PARAMS) -> np.ndarray:
    """Return one kind of coefficients: (n_clips, n_frames, n)."""
    frames = batch_frames(np.atleast_2d(sounds), cepstra.computation(params, FRAMING))
    return frames[..., [name.startswith(kind) for name in NAMES]]


def bank(kind: str) -> np.ndarray:
    """Return a filter bank of PARAMS: (n_bins, n_bands)."""
    ends_hz = PARAMS.fmin_hz, PARAMS.fmax_hz
    if kind == "gammatone":
        return auditory.gammatone_filters(RATE, 512, auditory.erb_centres(PARAMS.n_gammatone, *ends_hz))
    if kind == "linear":
        return auditory.linear_filters(RATE, 512, auditory.linear_corners(PARAMS.n_linear, *ends_hz))
    return auditory.bark_filters(RATE, 512, auditory.bark_centres(*ends_hz))


def power(sounds: np.ndarray) -> np.ndarray:
    """Return the power spectra of sounds in float64: (n_clips, n_frames, 257)."""
    padded = np.pad(as_float(np.atleast_2d(sounds)).astype(np.float64), ((0, 0), (200, 200)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, 400, axis=1)[:, ::160]
    return np.abs(np.fft.rfft(frames * np.hanning(401)[:-1], 512)) ** 2


def plp(bands: np.ndarray) -> np.ndarray:
    """Return plp of one frame: the normal equations solved as they stand, the model's logarithm transformed."""
    lags = np.fft.irfft(np.cbrt(np.maximum(bands, PARAMS.amin)))
    toeplitz = lags[np.abs(np.arange(12)[:, None] - np.arange(12))]
    filter_ = np.concatenate([[1.0], -np.linalg.solve(toeplitz, lags[1:13])])
    model = (lags[:13] @ filter_) / np.abs(np.fft.rfft(filter_, 8192)) ** 2
    logarithm = np.fft.irfft(np.log(model))
    # Of ln G^2 / |A|^2 = ln G / A + its conjugate the filter's coefficients stand at n, and once more at -n.
    return logarithm[:13]


def test_a_gammatone_band_is_as_wide_as_the_ears() -> None:
    fine_hz = np.arange(1 + 2**18 // 2) * RATE / 2**18
    centres_hz = np.array([800.0, 2000.0, 5000.0])
    # The width of a rectangle of the same height and area, in the integral of (1 + x^2)^-4, which is 5 pi / 16.
    widths_hz = auditory.gammatone_filters(RATE, 2**18, centres_hz).sum(axis=0) * fine_hz[1]
    np.testing.assert_allclose(widths_hz, 1.019 * 5 * np.pi / 16 * 24.7 * (1 + 0.00437 * centres_hz), rtol=2e-3)


def test_gammatone_bands_lie_evenly_between_the_ends_in_equivalent_bandwidths() -> None:
    centres_hz = auditory.erb_centres(32, 20.0, 7600.0)
    assert centres_hz[[0, -1]] == pytest.approx([20.0, 7600.0])
    rates = 21.4 * np.log10(1 + 0.00437 * centres_hz)
    np.testing.assert_allclose(np.diff(rates), (rates[-1] - rates[0]) / 31, rtol=1e-9)


@pytest.mark.parametrize("centre_hz", [100.0, 500.0, 2000.0, 6000.0])
def test_a_gammatone_bands_response_is_that_of_scipys_filter(centre_hz) -> None:
    theirs = np.abs(freqz(*gammatone(centre_hz, "iir", fs=RATE), worN=BINS_HZ, fs=RATE)[1]) ** 2
    ours = auditory.gammatone_filters(RATE, 512, np.array([centre_hz]))[:, 0]
    np.testing.assert_allclose(ours / ours.max(), theirs / theirs.max(), atol=5e-3)


def test_linear_bands_share_every_bin_between_neighbours() -> None:
    shares = bank("linear").sum(axis=1)
    step_hz = (7600 - 20) / 41
    inside = slice(*np.searchsorted(BINS_HZ, [20 + step_hz, 7600 - step_hz]))
    np.testing.assert_allclose(shares[inside], 1)


def test_a_critical_band_takes_more_from_below_its_centre_than_from_above() -> None:
    centres = auditory.bark_centres(20.0, 7600.0)
    assert np.diff(centres) == pytest.approx((centres[-1] - centres[0]) / (len(centres) - 1))
    assert 0.9 < centres[1] - centres[0] <= 1
    places = 6 * np.arcsinh(np.arange(2**15 + 1) * RATE / 2**16 / 600)
    weights = auditory.bark_filters(RATE, 2**16, centres)[:, 10]
    away = centres[10] + np.array([-2.0, -1.0, 0.0, 1.0])
    decibels = 10 * np.log10(np.interp(away, places, weights) / weights.max())
    np.testing.assert_allclose(decibels, [-15, -5, 0, -12.5], atol=0.05)


def test_the_ear_is_most_sensitive_between_two_and_five_kilohertz() -> None:
    frequencies_hz = np.arange(50.0, 10_000.0, 10.0)
    assert 2000 < frequencies_hz[auditory.sensitivity(frequencies_hz).argmax()] < 5000
    # 12 dB an octave at first, 18 dB an octave down at last.
    octave_db = 10 * np.log10(auditory.sensitivity(np.array([40.0, 80.0, 50_000.0, 100_000.0])))
    assert octave_db[1] - octave_db[0] == pytest.approx(12, abs=0.3)
    assert octave_db[3] - octave_db[2] == pytest.approx(-18, abs=0.5)


def test_cepstra_of_bands_are_the_formulas_in_float64() -> None:
    gammatone, linear = (np.maximum(power(SOUNDS) @ bank(kind), PARAMS.amin) for kind in ("gammatone", "linear"))
    logarithmic = PARAMS.model_copy(update={"gammatone_compression": "log"})
    roots = dct(np.cbrt(gammatone), norm="ortho")[..., :13]
    np.testing.assert_allclose(found("gfcc", SOUNDS), roots, rtol=0, atol=1e-4)
    for ours, bands in ((found("gfcc", SOUNDS, logarithmic), gammatone), (found("lfcc", SOUNDS), linear)):
        expected = dct(10 * np.log10(bands), norm="ortho")[..., : ours.shape[-1]]
        differences = np.abs(ours - expected)
        assert np.quantile(differences, 0.9) < 3e-3
        # Bands 100 dB below a pure tone are at the resolution of a spectrum in float32.
        assert differences.max() < 0.05


def test_perceptual_linear_prediction_is_its_formula_in_float64() -> None:
    bands = power(SOUNDS) @ bank("bark")
    expected = np.stack([[plp(frame) for frame in clip] for clip in bands])
    np.testing.assert_allclose(found("plp", SOUNDS), expected, rtol=0, atol=5e-4)


@pytest.mark.parametrize(("kind", "function"), [("gfcc", gfcc), ("lfcc", lfcc)])
def test_cepstra_equal_spafes_on_the_same_bank(kind, function) -> None:
    # Its window is symmetric: the periodic one and a last zero. Its power is divided by n_fft, its logarithm natural.
    window = SlidingWindow(win_len=401 / RATE, win_hop=0.01, win_type="hanning")
    sound = np.pad(as_float(SOUNDS[2]).astype(np.float64), (200, 601))
    filters = bank("gammatone" if kind == "gfcc" else "linear").T
    count = {"gfcc": 13, "lfcc": 20}[kind]
    theirs = function(
        sound, RATE, num_ceps=count, pre_emph=False, window=window, nfilts=len(filters), nfft=512, fbanks=filters
    )[:101]
    ours = found(kind, SOUNDS[2])[0]
    if kind == "gfcc":
        np.testing.assert_allclose(ours, theirs * np.cbrt(512), rtol=0, atol=1e-4)
    else:
        theirs = 10 / np.log(10) * theirs
        theirs[:, 0] += 10 * np.log10(512) * np.sqrt(40)
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=2e-3)


def test_ten_times_the_amplitude_scales_roots_and_shifts_only_the_first_of_the_others() -> None:
    quiet = 0.05 * as_float(SOUNDS[2])
    factor = 100 ** (1 / 3)
    np.testing.assert_allclose(found("gfcc", 10 * quiet), factor * found("gfcc", quiet), rtol=1e-4, atol=1e-4)
    for kind, first in (("lfcc", 20 * np.sqrt(40)), ("plp", np.log(factor))):
        shift = found(kind, 10 * quiet)[0, 5:-5] - found(kind, quiet)[0, 5:-5]
        np.testing.assert_allclose(shift[:, 0], first, atol=2e-3)
        np.testing.assert_allclose(shift[:, 1:], 0, atol=2e-3)


def test_silence_has_but_a_first_coefficient() -> None:
    silence = np.zeros(RATE, np.int16)
    assert found("gfcc", silence)[..., 0] == pytest.approx(np.cbrt(1e-10) * np.sqrt(32), rel=1e-4)
    assert found("lfcc", silence)[..., 0] == pytest.approx(-100 * np.sqrt(40), rel=1e-6)
    for kind in ("gfcc", "lfcc", "plp"):
        np.testing.assert_allclose(found(kind, silence)[..., 1:], 0, atol=1e-4)


def test_band_cepstra_are_a_module_whose_gradient_reaches_the_samples() -> None:
    samples = torch.from_numpy(as_float(SOUNDS[1:2])).requires_grad_()
    power = PowerSpectrum(FRAMING, PARAMS.n_fft)(samples)[0]
    coefficients, loudness = cepstra.BandCepstra(PARAMS, RATE)(power)
    (coefficients.sum() + loudness.sum()).backward()
    assert torch.isfinite(samples.grad).all()
    assert samples.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"fmax_hz": 8001.0}, "fmax_hz is 8001.0 and fmin_hz is 20.0, expected 0 <= fmin_hz < fmax_hz <= 8000"),
        ({"n_gfcc": 33}, "n_gfcc is 33, expected at most n_gammatone, 32"),
        ({"n_lfcc": 41}, "n_lfcc is 41, expected at most n_linear, 40"),
        ({"n_linear": 600}, "n_linear is 600, but a band holds no bin of n_fft 512"),
        ({"plp_order": 21}, "plp_order is 21, expected less than 21, the number of critical bands"),
    ],
)
def test_params_that_cannot_be_computed_are_refused_by_name(change, message) -> None:
    with pytest.raises(FeatureError) as error:
        cepstra.computation(PARAMS.model_copy(update=change), FRAMING)
    assert message in str(error.value)
