"""Linear prediction behind formants and cepstra: its kernels' closed forms, then numpy's roots and librosa's Burg."""

import librosa
import numpy as np
import torch
from feature_sounds import RATE, SOUNDS
from scipy.signal import lfilter
from vowels import PARAMS, VOWELS, polynomial

from stages.features import formants
from stages.features.engine import as_float
from stages.features.formants.decimation import Decimation
from stages.features.formants.pole_pairs import quadratics, start_quadratics
from stages.features.lpc import LANES, cepstra, n_groups, predict

KEPT = np.exp(-2 * np.pi * PARAMS.pre_emphasis_hz / 11_000)


def grouped(rows: np.ndarray) -> np.ndarray:
    """Return (n_frames, n) as the kernels take it, (n_groups, n, LANES)."""
    padded = np.zeros((n_groups(len(rows)) * LANES, rows.shape[1]))
    padded[: len(rows)] = rows
    return np.ascontiguousarray(padded.reshape(-1, LANES, rows.shape[1]).transpose(0, 2, 1))


def ungrouped(groups: np.ndarray, n_frames: int) -> np.ndarray:
    return groups.transpose(0, 2, 1).reshape(-1, groups.shape[1])[:n_frames]


def polynomials(sounds: np.ndarray) -> np.ndarray:
    """Return a_1 to a_10 of the frames of sounds, (n_frames, 10)."""
    frames = windowed(sounds)
    lags = np.stack([(frames[:, : frames.shape[1] - lag] * frames[:, lag:]).sum(axis=1) for lag in range(11)], axis=1)
    filters, error = np.empty((n_groups(len(lags)), 10, LANES)), np.empty((n_groups(len(lags)), LANES))
    predict(grouped(lags), filters, error)
    return ungrouped(filters, len(lags))


def windowed(sounds: np.ndarray) -> np.ndarray:
    """Return the frames of sounds as the prediction sees them: (n_frames, 551) float64."""
    lower = Decimation(RATE, 11_000)(torch.from_numpy(as_float(sounds)))
    signals = formants.emphasized(lower, KEPT, 275).numpy()
    return np.concatenate([formants.gaussian(275) * signals[:, start : start + 551] for start in range(0, 11_001, 110)])


def test_levinsons_recursion_finds_the_filter_whose_autocorrelation_it_is_given() -> None:
    known = np.stack([polynomial(resonances, 11_000) for resonances in VOWELS.values()])
    responses = np.stack([lfilter([1.0], filter_, np.eye(1, 40_000)[0]) for filter_ in known])
    lags = np.stack([[x[: len(x) - lag] @ x[lag:] for lag in range(11)] for x in responses])
    filters, error = np.empty((1, 10, LANES)), np.empty((1, LANES))
    predict(grouped(lags), filters, error)
    np.testing.assert_allclose(ungrouped(filters, 3), known[:, 1:], atol=1e-4)
    # The response's first sample, 1, is all that cannot be predicted.
    np.testing.assert_allclose(error[0, :3], 1 / lags[:, 0], rtol=1e-3)


def test_cepstral_coefficients_are_the_power_sums_of_the_poles() -> None:
    resonances = VOWELS["a"]
    out = np.empty((1, 30, LANES))
    cepstra(grouped(polynomial(resonances, 11_000)[None, 1:]), out)
    poles = np.array([np.exp(np.pi / 11_000 * (-width_hz + 2j * hz)) for hz, width_hz in resonances])
    orders = np.arange(1, 31)
    np.testing.assert_allclose(out[0, :, 0], 2 * np.real(poles[:, None] ** orders).sum(axis=0) / orders, atol=1e-12)


def test_the_pairs_of_roots_are_those_of_numpy() -> None:
    filters = polynomials(SOUNDS)
    factors = quadratics(grouped(filters), np.arange(len(filters)), start_quadratics(10))[: len(filters)]
    assert np.isfinite(factors).all()
    for (b, c), filter_ in zip(factors, filters, strict=True):
        product = np.ones(1)
        for pair in zip(b, c, strict=True):
            product = np.convolve(product, [1.0, *pair])
        np.testing.assert_allclose(product[1:], filter_, atol=1e-10)
        roots = np.roots([1.0, *filter_])
        expected_hz = np.sort(np.angle(roots[roots.imag > 0])) * 11_000 / (2 * np.pi)
        conjugate = b**2 < 4 * c
        angles = np.arccos(-b[conjugate] / (2 * np.sqrt(c[conjugate])))
        np.testing.assert_allclose(np.sort(angles) * 11_000 / (2 * np.pi), expected_hz, atol=1e-3)


def test_pairs_are_found_where_two_distant_real_roots_must_meet() -> None:
    generator = np.random.default_rng(8)
    filters = []
    for _ in range(200):
        angles, radii = generator.uniform(0.05, np.pi - 0.05, 4), generator.uniform(0.05, 0.99, 4)
        pairs = radii * np.exp(1j * angles)
        real = generator.uniform([0.2, -0.95], [0.95, -0.2])
        filters.append(np.real(np.poly([*pairs, *pairs.conj(), *real]))[1:])
    factors = quadratics(grouped(np.array(filters)), np.arange(200), start_quadratics(10))[:200]
    assert np.isfinite(factors).all()
    assert ((factors[:, 0] ** 2 > 4 * factors[:, 1]).sum(axis=1) == 1).all()


def test_a_lower_rate_keeps_what_it_can_carry_and_drops_the_rest() -> None:
    decimation = Decimation(RATE, 11_000)
    time_s, lower_s = np.arange(RATE) / RATE, np.arange(11_000) / 11_000
    assert decimation.rate_hz == 11_000
    for frequency_hz, kept in ((100.0, 1), (4800.0, 1), (6300.0, 0), (7900.0, 0)):
        tone = torch.from_numpy(np.cos(2 * np.pi * frequency_hz * time_s).astype(np.float32))[None]
        expected = kept * np.cos(2 * np.pi * frequency_hz * lower_s)
        np.testing.assert_allclose(decimation(tone)[0, 100:10_900], expected[100:10_900], atol=4e-3)
    constant = decimation(torch.ones(1, RATE))[0, 100:10_900]
    np.testing.assert_allclose(constant, 1, atol=1e-6)


def test_coefficients_equal_those_of_librosas_burg_where_the_windows_ends_are_nothing() -> None:
    noisy = SOUNDS[[1, 2, 5]]  # in pure tones the noise floor of 90 dB below decides
    differences = np.abs(librosa.lpc(windowed(noisy), order=10)[:, 1:] - polynomials(noisy)).max(axis=1)
    # The first and the last frames differ: their energy lies at the window's ends.
    assert np.mean(differences < 1e-4) > 0.95
    assert np.median(differences) < 1e-6
