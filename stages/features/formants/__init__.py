"""formants: resonances of the vocal tract and their bandwidths, and the cepstrum of the all-pole filter they belong to.

The steps and conventions of Praat's "To Formant (burg)" (Boersma and Weenink; Childers, 1978):
    1. the sound at twice `max_formant_hz` (stages/features/formants/decimation.py), where its own rate is higher;
    2. y[n] = x[n] - exp(-2 pi pre_emphasis_hz / rate) x[n-1], which raises the spectrum by 6 dB an octave;
    3. frames of twice `window_s`, with w(u) = (exp(-12 u^2) - exp(-12)) / (1 - exp(-12)), u = -1 to 1 from end to end;
    4. linear prediction of order `n_poles`. By autocorrelation, not by Burg's recursion: the two differ in what they
       make of a frame's ends, where this window is 0. Coefficients of 99 % of the frames of speech agree to 1e-4;
    5. poles r exp(+-i theta) have frequency theta rate / (2 pi) and bandwidth -ln(r) rate / pi. The three lowest
       frequencies that are `margin_hz` within 0 and half the rate, of bandwidths up to `max_bandwidth_hz`, are the
       formants. Praat has a margin of 50 Hz and no limit of the bandwidth.
Of a frame with fewer, as silence is, the others are missing. The prediction gain is the energy of the frame over that
of the error of its prediction; cepstral coefficients (stages/features/lpc.py) are nepers. Both are 0 in silence.
"""

import math

import numpy as np
import torch
from numba import njit
from pydantic import PositiveFloat, PositiveInt

from stages.features.family import Computation, Dimension, FeatureError, numbered
from stages.features.formants.decimation import Decimation
from stages.features.formants.pole_pairs import LARGEST_DEGREE, quadratics, start_quadratics
from stages.features.lpc import LANES, autocorrelate, cepstra, n_groups, predict
from stages.features.stft import Framing
from stages.params import Section

N_FORMANTS = 3
WINDOW_DECAY = 12.0
SAMPLES_AT_ONCE = 2**18  # of clips whose rate is lowered together; more would only take memory


class Params(Section):
    """Section extract.families.formants."""

    max_formant_hz: PositiveFloat
    n_poles: PositiveInt
    window_s: PositiveFloat
    pre_emphasis_hz: PositiveFloat
    margin_hz: PositiveFloat
    max_bandwidth_hz: PositiveFloat
    n_lpcc: PositiveInt
    keep_frames: bool


def dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each number is: frequencies, bandwidths, prediction gain, cepstral coefficients from 1 on."""
    ordinals = ("first", "second", "third")
    poles = [
        Dimension(
            f"{letter}{number}", "Hz", f"{what} of the {ordinal} formant", missing="in a frame with fewer formants"
        )
        for letter, what in (("f", "frequency"), ("b", "bandwidth"))
        for number, ordinal in enumerate(ordinals, 1)
    ]
    gain = Dimension("prediction_gain", "dB", "energy over that of the linear prediction's error, 0 in silence")
    coefficients = [
        Dimension(numbered("lpcc", n, params.n_lpcc + 1), "", f"cepstral coefficient {n} of the linear prediction")
        for n in range(1, params.n_lpcc + 1)
    ]
    return (*poles, gain, *coefficients)


def computation(params: Params, framing: Framing) -> Computation:
    """Return the numbers above for batches of clips: (n_clips, n_samples) -> (n_clips, n_frames, 7 + n_lpcc)."""
    check(params, framing.sample_rate)
    decimation = Decimation(framing.sample_rate, 2 * params.max_formant_hz)
    rate_hz, ratio = decimation.rate_hz, decimation.ratio
    window = gaussian(round(params.window_s * rate_hz))
    kept = math.exp(-2 * math.pi * params.pre_emphasis_hz / rate_hz)
    bounds_hz = params.margin_hz, rate_hz / 2 - params.margin_hz
    n_lags = 4 * (params.n_poles // 4 + 1)
    first_quadratics = start_quadratics(params.n_poles)

    def frames(samples: torch.Tensor) -> torch.Tensor:
        n_clips, n_frames = len(samples), framing.n_frames(samples.shape[1])
        # A window around a frame's centre begins there in a signal with half a window of zeros before it.
        starts = (2 * np.arange(n_frames) * framing.hop * ratio.numerator // ratio.denominator + 1) // 2
        shape = n_groups(n_clips * n_frames)
        correlations = np.zeros((shape, n_lags, LANES))
        n_at_once = max(1, SAMPLES_AT_ONCE // samples.shape[1])
        for first in range(0, n_clips, n_at_once):
            sounds = emphasized(decimation(samples[first : first + n_at_once]), kept, len(window) // 2)
            for place, sound in enumerate(sounds.numpy(), first):
                autocorrelate(sound, starts, window, place * n_frames, correlations)
        filters, error = np.empty((shape, params.n_poles, LANES)), np.empty((shape, LANES))
        predict(correlations, filters, error)
        coefficients = np.empty((shape, params.n_lpcc, LANES))
        cepstra(filters, coefficients)
        factors = quadratics(filters, np.flatnonzero(correlations[:, 0] > 0), first_quadratics)
        out = np.empty((n_clips * n_frames, 2 * N_FORMANTS + 1 + params.n_lpcc), np.float32)
        fill(factors, error, coefficients, rate_hz, bounds_hz, params.max_bandwidth_hz, out)
        return torch.from_numpy(out.reshape(n_clips, n_frames, -1))

    return frames


def check(params: Params, sample_rate: int) -> None:
    """Raise FeatureError where the analysis cannot be done at this rate."""
    where = "params.yaml: extract.families.formants"
    if 2 * params.max_formant_hz > sample_rate:
        raise FeatureError(
            f"{where}.max_formant_hz is {params.max_formant_hz}, expected at most {sample_rate / 2:g}, half the sample "
            f"rate; lower it, and n_poles with it"
        )
    if params.n_poles % 2 or params.n_poles > LARGEST_DEGREE:
        raise FeatureError(
            f"{where}.n_poles is {params.n_poles}, expected an even number up to {LARGEST_DEGREE}, two for each formant"
        )
    if 2 * params.margin_hz >= params.max_formant_hz:
        raise FeatureError(
            f"{where}.margin_hz is {params.margin_hz}, expected less than {params.max_formant_hz / 2:g}, half of "
            f"max_formant_hz: no formant lies between the margins; lower it"
        )
    if 4 * params.window_s * params.max_formant_hz <= params.n_poles:
        raise FeatureError(
            f"{where}.window_s is {params.window_s}: expected a window of more samples than n_poles, {params.n_poles}, "
            f"at twice max_formant_hz; raise it"
        )


def gaussian(half: int) -> np.ndarray:
    """Return the window of step 3: (2 half + 1,) float64, 1 in the middle, 0 just outside."""
    places = np.arange(-half, half + 1) / (half + 1)
    end = math.exp(-WINDOW_DECAY)
    return (np.exp(-WINDOW_DECAY * places**2) - end) / (1 - end)


def emphasized(samples: torch.Tensor, kept: float, n_zeros: int) -> torch.Tensor:
    """Return x[n] - kept x[n - 1] of (n_clips, n_samples), with zeros before and after, one more after."""
    padded = torch.nn.functional.pad(samples, (n_zeros + 1, n_zeros + 1))
    return torch.sub(padded[:, 1:], padded[:, :-1], alpha=kept)


@njit(nogil=True, cache=True, error_model="numpy")
def fill(
    factors: np.ndarray,
    error: np.ndarray,
    coefficients: np.ndarray,
    rate_hz: float,
    bounds_hz: tuple[float, float],
    max_bandwidth_hz: float,
    out: np.ndarray,
) -> None:
    """Fill `out` (n_frames, 2 N_FORMANTS + 1 + n_lpcc) from the poles' quadratics z^2 + b z + c and the rest.

    Poles r exp(+-i theta) have b = -2 r cos(theta) and c = r^2. Two real ones have b^2 > 4 c: the cosine is beyond 1,
    and they are no formant.
    """
    highest, lowest = np.cos(2.0 * np.pi / rate_hz * bounds_hz[0]), np.cos(2.0 * np.pi / rate_hz * bounds_hz[1])
    smallest = np.exp(-2.0 * np.pi / rate_hz * max_bandwidth_hz)
    cosines, squares = np.empty(N_FORMANTS), np.empty(N_FORMANTS)
    for frame in range(len(out)):
        group, lane, n_found = frame // LANES, frame % LANES, 0
        for pair in range(factors.shape[2]):
            c = factors[frame, 1, pair]
            cosine = -0.5 * factors[frame, 0, pair] / math.sqrt(c) if c >= smallest else 2.0
            if not lowest <= cosine <= highest:
                continue
            # The lowest formants so far, in order; one that belongs to them is moved to its place.
            place = n_found
            while place > 0 and cosines[place - 1] < cosine:
                place -= 1
            n_found = min(n_found + 1, N_FORMANTS)
            for later in range(n_found - 1, place, -1):
                cosines[later], squares[later] = cosines[later - 1], squares[later - 1]
            if place < N_FORMANTS:
                cosines[place], squares[place] = cosine, c
        for n in range(N_FORMANTS):
            found = n < n_found
            out[frame, n] = math.acos(cosines[n]) * rate_hz / (2.0 * np.pi) if found else np.nan
            out[frame, N_FORMANTS + n] = -math.log(squares[n]) * rate_hz / (2.0 * np.pi) if found else np.nan
        out[frame, 2 * N_FORMANTS] = -10.0 * math.log10(error[group, lane])
        for n in range(coefficients.shape[1]):
            out[frame, 2 * N_FORMANTS + 1 + n] = coefficients[group, n, lane]
