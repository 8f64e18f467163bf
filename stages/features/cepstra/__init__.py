"""cepstra: three cepstra beside the mel one, from one power spectrum; banks in stages/features/cepstra/auditory.py.

    gfcc   gammatone bands, cube root or decibels, orthonormal DCT-II from coefficient 0 on (Shao and Wang, 2008, who
           filter in time and take the cube root: a coefficient then scales with the sound)
    lfcc   linear bands, decibels, orthonormal DCT-II from coefficient 0 on
    plp    perceptual linear prediction without RASTA (Hermansky, 1990): critical bands with equal loudness, cube root,
           its inverse Fourier transform as autocorrelation of `plp_order` poles, their cepstrum. Coefficient 0 is
           ln G^2, the mean of the model's ln G^2 / |A|^2 over frequency; the others are those of ln G / A.

Power is unscaled, as in mel, and raised to at least `amin` in each band.
"""

from typing import Literal

import numpy as np
import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt

from stages.features.arithmetic import DB_PER_NEPER, Amin
from stages.features.blocks import power_blocks
from stages.features.cepstra.auditory import (
    bark_centres,
    bark_filters,
    erb_centres,
    gammatone_filters,
    linear_corners,
    linear_filters,
)
from stages.features.family import Computation, Dimension, FeatureError, numbered
from stages.features.filterbank import check_range, cosines
from stages.features.lpc import LANES, cepstra, n_groups, predict
from stages.features.stft import Framing, PowerSpectrum
from stages.params import Section

SAMPLES_AT_ONCE = 2**18  # of a batch whose spectra are in memory together; of a larger one a block at a time
Compression = Literal["cube_root", "log"]


class Params(Section):
    """Section extract.families.cepstra."""

    n_fft: PositiveInt
    fmin_hz: NonNegativeFloat
    fmax_hz: PositiveFloat
    amin: Amin
    n_gammatone: PositiveInt
    gammatone_compression: Compression
    n_gfcc: PositiveInt
    n_linear: PositiveInt
    n_lfcc: PositiveInt
    plp_order: PositiveInt
    n_plp: PositiveInt
    keep_frames: bool


def dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each number is: gfcc, then lfcc, then plp."""
    kinds = (
        ("gfcc", "dB" if params.gammatone_compression == "log" else "", params.n_gfcc, "gammatone"),
        ("lfcc", "dB", params.n_lfcc, "linear-frequency"),
        ("plp", "", params.n_plp, "perceptual linear prediction"),
    )
    return tuple(
        Dimension(numbered(what, number, count), unit, f"{bands} cepstral coefficient {number}")
        for what, unit, count, bands in kinds
        for number in range(count)
    )


def computation(params: Params, framing: Framing) -> Computation:
    """Return the numbers above for batches of clips: (n_clips, n_samples) -> (n_clips, n_frames, n_dims)."""
    spectrum = PowerSpectrum(framing, params.n_fft)
    band_cepstra = BandCepstra(params, framing.sample_rate)
    warped = warped_cosines(params)

    def numbers(power: torch.Tensor) -> torch.Tensor:
        coefficients, loudness = band_cepstra(power)
        return torch.cat([coefficients, predicted(loudness, warped, params)], dim=1)

    def frames(samples: torch.Tensor) -> torch.Tensor:
        if samples.numel() <= SAMPLES_AT_ONCE:
            return numbers(spectrum(samples).flatten(0, 1)).unflatten(0, (len(samples), -1))
        return torch.stack(
            [torch.cat([numbers(power) for _, _, power in power_blocks(spectrum, clip)]) for clip in samples]
        )

    return frames


class BandCepstra(torch.nn.Module):
    """power (n_frames, n_bins) float32 -> gfcc and lfcc side by side, and the loudness of critical bands.

    Both are (n_frames, ...) float32; loudness is the cube root of a band's power.
    """

    filters: torch.Tensor
    gammatone_cosines: torch.Tensor
    linear_cosines: torch.Tensor

    def __init__(self, params: Params, sample_rate: int) -> None:
        super().__init__()
        check_counts(params)
        check_range(sample_rate, params.fmin_hz, params.fmax_hz)
        ends_hz = params.fmin_hz, params.fmax_hz
        banks = (
            gammatone_filters(sample_rate, params.n_fft, erb_centres(params.n_gammatone, *ends_hz)),
            linear_filters(sample_rate, params.n_fft, linear_corners(params.n_linear, *ends_hz)),
            bark_filters(sample_rate, params.n_fft, bark_centres(*ends_hz)),
        )
        self.amin, self.cube_root = params.amin, params.gammatone_compression == "cube_root"
        self.sizes = [bank.shape[1] for bank in banks]
        self.register_buffer("filters", torch.from_numpy(np.concatenate(banks, axis=1)).float())
        self.register_buffer("gammatone_cosines", torch.from_numpy(cosines(params.n_gammatone, params.n_gfcc)).float())
        self.register_buffer("linear_cosines", torch.from_numpy(cosines(params.n_linear, params.n_lfcc)).float())

    def forward(self, power: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        logarithms = (power @ self.filters).clamp(min=self.amin).log()
        gammatone, linear, critical = logarithms.split(self.sizes, dim=1)
        gfcc = (gammatone / 3).exp() if self.cube_root else DB_PER_NEPER * gammatone
        lfcc = DB_PER_NEPER * linear
        return torch.cat([gfcc @ self.gammatone_cosines, lfcc @ self.linear_cosines], dim=1), (critical / 3).exp()


def warped_cosines(params: Params) -> np.ndarray:
    """Return the weights from loudness to its autocorrelation: (n_critical, n_lags) float64, n_lags = plp_order + 1.

    The bands stand for frequencies from 0 to pi, both included, of a spectrum that is even: the ends count once.
    """
    n_critical = len(bark_centres(params.fmin_hz, params.fmax_hz))
    if params.plp_order >= n_critical:
        raise FeatureError(
            f"params.yaml: extract.families.cepstra.plp_order is {params.plp_order}, expected less than {n_critical}, "
            f"the number of critical bands from fmin_hz to fmax_hz"
        )
    angles = np.pi / (n_critical - 1) * np.arange(n_critical)[:, None] * np.arange(params.plp_order + 1)
    weights = np.cos(angles) / (n_critical - 1)
    weights[[0, -1]] /= 2
    return weights


def predicted(loudness: torch.Tensor, warped: np.ndarray, params: Params) -> torch.Tensor:
    """Return plp of the loudness of critical bands, (n_frames, n_critical) float32: (n_frames, n_plp) float32."""
    n_frames = len(loudness)
    lags = loudness.double().numpy() @ warped
    groups = np.zeros((n_groups(n_frames) * LANES, lags.shape[1]))
    groups[:n_frames] = lags
    correlations = np.ascontiguousarray(groups.reshape(-1, LANES, lags.shape[1]).transpose(0, 2, 1))
    filters, error = np.empty((len(correlations), params.plp_order, LANES)), np.empty((len(correlations), LANES))
    predict(correlations, filters, error)
    coefficients = np.empty((len(correlations), params.n_plp - 1, LANES))
    cepstra(filters, coefficients)
    out = np.empty((n_frames, params.n_plp), np.float32)
    out[:, 0] = np.log(error.reshape(-1)[:n_frames] * lags[:, 0])
    out[:, 1:] = coefficients.transpose(0, 2, 1).reshape(-1, params.n_plp - 1)[:n_frames]
    return torch.from_numpy(out)


def check_counts(params: Params) -> None:
    """Raise FeatureError where more coefficients are asked for than there are bands."""
    for coefficients, bands in (("n_gfcc", "n_gammatone"), ("n_lfcc", "n_linear")):
        n_coefficients, n_bands = getattr(params, coefficients), getattr(params, bands)
        if n_coefficients > n_bands:
            raise FeatureError(
                f"params.yaml: extract.families.cepstra.{coefficients} is {n_coefficients}, expected at most {bands}, "
                f"{n_bands}"
            )
