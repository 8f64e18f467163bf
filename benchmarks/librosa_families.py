"""What librosa has of the other families, as a person writes it: a loop over clips, one call a feature."""

from typing import Any

import librosa
import numpy as np

from benchmarks.librosa_loop import Loop, log_mel
from stages.features import chroma, formants, harmonic, modulation, pitch, rhythm
from stages.features.harmonic import odd_width
from stages.features.stft import Framing

FAINT = 1e-5  # full scale 1: librosa.lpc refuses digital silence


def notes(params: chroma.Params, framing: Framing) -> Loop:
    """Return librosa's chroma and tonnetz of one clip."""

    def frames(samples: np.ndarray) -> np.ndarray:
        found = librosa.feature.chroma_stft(
            y=samples, sr=framing.sample_rate, n_fft=params.n_fft, hop_length=framing.hop, tuning=params.tuning
        )
        return np.concatenate([found, librosa.feature.tonnetz(chroma=found, sr=framing.sample_rate)])

    return frames


def fundamental(params: pitch.Params, framing: Framing) -> Loop:
    """Return what librosa has of the family `pitch`, f0; no aperiodicity, voicing, harmonicity, jitter and shimmer."""
    return lambda samples: librosa.yin(
        samples,
        fmin=params.fmin_hz,
        fmax=params.fmax_hz,
        sr=framing.sample_rate,
        frame_length=pitch.frame_samples(params, framing.sample_rate),
        hop_length=framing.hop,
        trough_threshold=params.trough_threshold,
        pad_mode="constant",
    )[None]


def resonances(params: formants.Params, framing: Framing) -> Loop:
    """Return frequencies and bandwidths of poles of librosa's linear prediction, the widest left out: sorted, three."""
    rate_hz = 2 * params.max_formant_hz
    window = round(2 * params.window_s * rate_hz) // 2 * 2
    hop = round(framing.hop_s * rate_hz)
    weights = np.hanning(window)[:, None]
    faint = FAINT * np.random.default_rng(0).standard_normal(round(600 * rate_hz)).astype(np.float32)

    def frames(samples: np.ndarray) -> np.ndarray:
        sound = librosa.resample(samples, orig_sr=framing.sample_rate, target_sr=rate_hz)
        sound = librosa.effects.preemphasis(sound, coef=np.exp(-2 * np.pi * params.pre_emphasis_hz / rate_hz))
        padded = np.pad(sound + faint[: len(sound)], window // 2)
        cut = librosa.util.frame(padded, frame_length=window, hop_length=hop) * weights
        polynomials = librosa.lpc(cut, order=params.n_poles, axis=0)
        return np.stack([_three(np.roots(each), rate_hz) for each in polynomials.T], axis=1)

    def _three(roots: np.ndarray, rate_hz: float) -> np.ndarray:
        upper = roots[np.imag(roots) > 0]
        hz, width_hz = np.angle(upper) * rate_hz / (2 * np.pi), -np.log(np.abs(upper)) * rate_hz / np.pi
        kept = np.flatnonzero((hz > params.margin_hz) & (width_hz < params.max_bandwidth_hz))
        kept = kept[np.argsort(hz[kept])][:3]
        return np.concatenate([np.resize(np.append(each[kept], [np.nan] * 3)[:3], 3) for each in (hz, width_hz)])

    return frames


def separation(params: harmonic.Params, framing: Framing) -> Loop:
    """Return the energies of librosa's harmonic and percussive part of one clip, in dB, and the share of the first."""
    spectrum: dict[str, Any] = {"n_fft": params.n_fft, "win_length": framing.window, "hop_length": framing.hop}

    def frames(samples: np.ndarray) -> np.ndarray:
        return energies(np.abs(librosa.stft(samples, pad_mode="constant", **spectrum)), params, framing)

    return frames


def energies(magnitude: np.ndarray, params: harmonic.Params, framing: Framing) -> np.ndarray:
    """Return the same from the magnitudes (n_bins, n_frames)."""
    widths = odd_width(params.median_s, framing.hop_s), odd_width(params.median_hz, framing.sample_rate / params.n_fft)
    each = [(part**2).sum(axis=0) for part in librosa.decompose.hpss(magnitude, kernel_size=widths)]
    decibels = [librosa.power_to_db(energy, top_db=None) for energy in each]
    return np.stack([*decibels, each[0] / np.maximum(each[0] + each[1], 1e-30)])


def beats(params: rhythm.Params, framing: Framing) -> Loop:
    """Return librosa's onset strength, tempogram, its bands averaged, tempo and onsets of one clip."""
    of_mel = log_mel(params, framing)
    return lambda samples: of_decibels(of_mel(samples), params, framing)


def of_decibels(decibels: np.ndarray, params: rhythm.Params, framing: Framing) -> np.ndarray:
    """Return the same from log-mel (n_mels, n_frames) dB; tempo and onsets a second in every frame."""
    rates: dict[str, Any] = {"sr": framing.sample_rate, "hop_length": framing.hop}
    window = int(params.autocorrelation_s * framing.sample_rate) // framing.hop
    strength = librosa.onset.onset_strength(S=decibels, n_fft=params.n_fft, **rates)
    tempogram = librosa.feature.tempogram(onset_envelope=strength, win_length=window, **rates)
    means = [tempogram[first:stop].mean(axis=0) for first, stop in rhythm.tempo_bands(params, framing)]
    tempo = librosa.feature.tempo(
        onset_envelope=strength,
        ac_size=params.autocorrelation_s,
        start_bpm=params.usual_bpm,
        std_bpm=params.usual_octaves,
        max_tempo=params.max_bpm,
        **rates,
    )
    n_onsets = len(librosa.onset.onset_detect(onset_envelope=strength, **rates))
    return np.stack([strength, *means, np.full_like(strength, tempo[0]), np.full_like(strength, n_onsets)])


def modulations(params: modulation.Params, framing: Framing) -> Loop:
    """Return the transform of librosa's mel envelopes of one clip, not yet in octaves."""
    spectrum: dict[str, Any] = {"n_fft": params.n_fft, "win_length": framing.window, "hop_length": framing.hop}
    bands: dict[str, Any] = {"n_mels": params.n_bands, "fmin": params.fmin_hz, "fmax": params.fmax_hz}

    def numbers(samples: np.ndarray) -> np.ndarray:
        power = librosa.feature.melspectrogram(
            y=samples, sr=framing.sample_rate, pad_mode="constant", **spectrum, **bands
        )
        envelope = np.sqrt(power)
        deviation = envelope / np.maximum(envelope.mean(axis=1, keepdims=True), 1e-30) - 1
        return np.abs(np.fft.rfft(deviation * np.hanning(envelope.shape[1]), 512)) ** 2

    return numbers
