"""The same features as other libraries compute them, a clip at a time: samples (n_samples,) float32 at 16 kHz -> array.

Window, hop and bands are those of `benchmarks.extract` wherever the library lets them be set: a Hann window of 25 ms,
a hop of 10 ms, 40 bands from 20 to 7600 Hz, no emphasis of high frequencies, no dither. What it lets be built once is
built once. Frames begin at the clip's first sample, so that there are two or three fewer than ours.

openSMILE's licence allows no commercial use and is not ours to pass on: its row is there where a person has installed
the package `opensmile`.
"""

from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

import kaldi_native_fbank
import numpy as np
import parselmouth
import python_speech_features
from parselmouth.praat import call
from spafe.fbanks.bark_fbanks import bark_filter_banks
from spafe.fbanks.gammatone_fbanks import gammatone_filter_banks
from spafe.fbanks.linear_fbanks import linear_filter_banks
from spafe.features import gfcc, lfcc, rplp
from spafe.utils.preprocessing import SlidingWindow

from benchmarks.librosa_loop import Loop

SAMPLE_RATE_HZ = 16_000
WINDOW_S, HOP_S = 0.025, 0.01
N_FFT = 512
N_BANDS = 40
LOWEST_HZ, HIGHEST_HZ = 20.0, 7600.0
N_CEPSTRA = 13  # of gammatone and linear bands, and of linear prediction
PITCH_HZ = (60.0, 500.0)
N_FORMANTS = 3
INT16_RANGE = 32768.0  # Kaldi's sounds are not in -1..1
FAINT = 1e-5  # full scale 1; a third of a step of 16 bits

SPEECH_FEATURES = {
    "samplerate": SAMPLE_RATE_HZ,
    "winlen": WINDOW_S,
    "winstep": HOP_S,
    "nfilt": N_BANDS,
    "nfft": N_FFT,
    "lowfreq": LOWEST_HZ,
    "highfreq": HIGHEST_HZ,
    "preemph": 0.0,
    "winfunc": np.hanning,
}
SPAFE = {
    "fs": SAMPLE_RATE_HZ,
    "pre_emph": False,
    "window": SlidingWindow(WINDOW_S, HOP_S, "hanning"),
    "nfilts": N_BANDS,
    "nfft": N_FFT,
    "low_freq": LOWEST_HZ,
    "high_freq": HIGHEST_HZ,
}
PERIOD_S = (0.0001, 0.02)  # Praat's usual limits of a glottal period,
MOST_CHANGE = (1.3, 1.6)  # and of the ratio of neighbouring periods, and of their amplitudes


def speech_features_log_mel(samples: np.ndarray) -> np.ndarray:
    """Return natural logarithms of mel bands by python_speech_features: (40, n_frames).

    Its `logfbank` is the same without a window.
    """
    bands, _ = python_speech_features.fbank(samples, **SPEECH_FEATURES)
    return np.log(bands).T


def speech_features_cepstrum(samples: np.ndarray) -> np.ndarray:
    """Return MFCC by python_speech_features: (40, n_frames)."""
    return python_speech_features.mfcc(samples, numcep=N_BANDS, ceplifter=0, appendEnergy=False, **SPEECH_FEATURES).T


def kaldi_log_mel(samples: np.ndarray) -> np.ndarray:
    """Return natural logarithms of mel bands by kaldi-native-fbank: (40, n_frames)."""
    return _kaldi_frames(kaldi_native_fbank.OnlineFbank(_kaldi_options(kaldi_native_fbank.FbankOptions)), samples)


def kaldi_cepstrum(samples: np.ndarray) -> np.ndarray:
    """Return MFCC by kaldi-native-fbank: (40, n_frames)."""
    return _kaldi_frames(kaldi_native_fbank.OnlineMfcc(_kaldi_options(kaldi_native_fbank.MfccOptions)), samples)


@cache
def _kaldi_options(
    kind: type[kaldi_native_fbank.FbankOptions] | type[kaldi_native_fbank.MfccOptions],
) -> kaldi_native_fbank.FbankOptions | kaldi_native_fbank.MfccOptions:
    options = kind()
    frame, bands = options.frame_opts, options.mel_opts
    frame.samp_freq, frame.frame_length_ms, frame.frame_shift_ms = SAMPLE_RATE_HZ, 1000 * WINDOW_S, 1000 * HOP_S
    frame.dither, frame.preemph_coeff, frame.window_type = 0.0, 0.0, "hanning"
    bands.num_bins, bands.low_freq, bands.high_freq = N_BANDS, LOWEST_HZ, HIGHEST_HZ
    if kind is kaldi_native_fbank.MfccOptions:
        options.num_ceps, options.use_energy, options.cepstral_lifter = N_BANDS, False, 0.0
    return options


def _kaldi_frames(
    computer: kaldi_native_fbank.OnlineFbank | kaldi_native_fbank.OnlineMfcc, samples: np.ndarray
) -> np.ndarray:
    computer.accept_waveform(SAMPLE_RATE_HZ, (INT16_RANGE * samples).tolist())  # a list is taken in faster
    computer.input_finished()
    return np.stack([computer.get_frame(frame) for frame in range(computer.num_frames_ready)], axis=1)


def gammatone_cepstrum(samples: np.ndarray) -> np.ndarray:
    """Return gammatone-frequency cepstral coefficients by spafe: (13, n_frames)."""
    return gfcc.gfcc(samples, num_ceps=N_CEPSTRA, fbanks=_spafe_bands(gammatone_filter_banks), **SPAFE).T


def linear_cepstrum(samples: np.ndarray) -> np.ndarray:
    """Return linear-frequency cepstral coefficients by spafe: (13, n_frames)."""
    return lfcc.lfcc(samples, num_ceps=N_CEPSTRA, fbanks=_spafe_bands(linear_filter_banks), **SPAFE).T


def perceptual_linear_prediction(samples: np.ndarray) -> np.ndarray:
    """Return the cepstrum of perceptual linear prediction by spafe: (13, n_frames).

    Its equal-loudness curve is taken at the power of a band, where Hermansky's (1990) is taken at its frequency: good
    for timing, not for reference. Digital silence makes it raise LinAlgError, hence the noise.
    """
    sound = samples + _faint_noise(len(samples))
    return rplp.plp(sound, order=N_CEPSTRA, fbanks=_spafe_bands(bark_filter_banks), **SPAFE).T


@cache
def _faint_noise(n_samples: int) -> np.ndarray:
    return FAINT * np.random.default_rng(0).standard_normal(n_samples)


def cepstra(samples: np.ndarray) -> np.ndarray:
    """Return the three cepstra above one below the other: (39, n_frames)."""
    return np.concatenate([of(samples) for of in (gammatone_cepstrum, linear_cepstrum, perceptual_linear_prediction)])


@cache
def _spafe_bands(built: Callable[..., tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    bands, _ = built(nfilts=N_BANDS, nfft=N_FFT, fs=SAMPLE_RATE_HZ, low_freq=LOWEST_HZ, high_freq=HIGHEST_HZ)
    return bands


def praat_voice(samples: np.ndarray) -> np.ndarray:
    """Return pitch in Hz, its strength, HNR in dB, and the clip's jitter and shimmer in every frame: (5, n_frames).

    Pitch is 0 in unvoiced frames, HNR -200 dB in silence; jitter and shimmer are NaN where too few periods are found.
    """
    sound = parselmouth.Sound(samples, SAMPLE_RATE_HZ)
    pitch = sound.to_pitch_ac(time_step=HOP_S, pitch_floor=PITCH_HZ[0], pitch_ceiling=PITCH_HZ[1])
    ratio = sound.to_harmonicity_ac(time_step=HOP_S, minimum_pitch=PITCH_HZ[0])
    pulses = call([sound, pitch], "To PointProcess (cc)")
    jitter = call(pulses, "Get jitter (local)", 0, 0, *PERIOD_S, MOST_CHANGE[0])
    shimmer = call([sound, pulses], "Get shimmer (local)", 0, 0, *PERIOD_S, *MOST_CHANGE)
    found = pitch.selected_array
    # The two analyses have windows of different length, so that one has a frame more.
    nearest = np.abs(pitch.xs()[:, None] - ratio.xs()).argmin(axis=1)
    of_clip = np.full((2, len(found)), [[jitter], [shimmer]])
    return np.concatenate([[found["frequency"], found["strength"], ratio.values[0, nearest]], of_clip])


def praat_formants(samples: np.ndarray) -> np.ndarray:
    """Return frequencies and bandwidths in Hz of three formants, NaN where there is none: (6, n_frames)."""
    sound = parselmouth.Sound(samples, SAMPLE_RATE_HZ)
    formants = sound.to_formant_burg(time_step=HOP_S, window_length=WINDOW_S)
    times, numbers = formants.ts(), range(1, N_FORMANTS + 1)
    values = (formants.get_value_at_time, formants.get_bandwidth_at_time)
    return np.array([[value(number, time) for time in times] for value in values for number in numbers])


def egemaps(samples: np.ndarray) -> np.ndarray:
    """Return the 88 functionals of eGeMAPS v02 by openSMILE: (88, 1)."""
    return _smile().process_signal(samples, SAMPLE_RATE_HZ).to_numpy().T


@cache
def _smile() -> Any:
    import opensmile

    return opensmile.Smile(opensmile.FeatureSet.eGeMAPSv02, opensmile.FeatureLevel.Functionals)


PEERS: dict[str, dict[str, Loop]] = {
    "log_mel_40": {"python_speech_features": speech_features_log_mel, "kaldi_native_fbank": kaldi_log_mel},
    "mfcc_40": {"python_speech_features": speech_features_cepstrum, "kaldi_native_fbank": kaldi_cepstrum},
    "gfcc": {"spafe": gammatone_cepstrum},
    "lfcc": {"spafe": linear_cepstrum},
    "plp": {"spafe": perceptual_linear_prediction},
    "cepstra": {"spafe": cepstra},
    "pitch": {"parselmouth": praat_voice},
    "formants": {"parselmouth": praat_formants},
}
if find_spec("opensmile"):
    PEERS["egemaps"] = {"opensmile": egemaps}
