"""The panels of apps.figure: a sound's waveform, spectra and families of features, a function each."""

from dataclasses import dataclass

import numpy as np
import torch
from matplotlib.axes import Axes

from stages.features import FAMILIES
from stages.features.engine import as_float, batch_frames, computed
from stages.features.family import Dimension
from stages.features.stft import Framing, PowerSpectrum
from stages.params import read_section

SMALLEST_POWER = 1e-10
RANGE_DB = 80.0
PITCH_HZ = 1000.0  # up to which the pitch is drawn
VOICED = "f0_voiced"
SIGNED = "RdBu_r"  # white is 0


@dataclass(frozen=True)
class Sound:
    """What is drawn."""

    samples: np.ndarray  # (n,) int16 or float32
    start_s: float
    framing: Framing

    def times_s(self, n_frames: int) -> np.ndarray:
        """Return where frames are centred."""
        return self.start_s + np.arange(n_frames) * self.framing.hop_s

    def picture(
        self, place: Axes, values: np.ndarray, rows: tuple[float, float], unit: str, colours: str = "magma"
    ) -> None:
        """Draw values (n_frames, n_rows), the first row at the bottom; `rows` are the lower and the upper edge."""
        edges = self.times_s(len(values))[[0, -1]] + np.array([-0.5, 0.5]) * self.framing.hop_s
        image = place.imshow(
            values.T, origin="lower", aspect="auto", extent=(*edges, *rows), cmap=colours, interpolation="nearest"
        )
        if colours == SIGNED:
            image.set_clim(-np.abs(values).max(), np.abs(values).max())
        place.figure.colorbar(image, ax=place, label=unit, pad=0.01)


def frames_of(family: str, sound: Sound) -> tuple[np.ndarray, tuple[Dimension, ...]]:
    """Return the frames (n_frames, n_dims) of a family as params.yaml has it, and what its dimensions are."""
    module = FAMILIES[family]
    params = read_section(f"extract.families.{family}", module.Params)
    dimensions = module.dimensions(params, sound.framing.sample_rate)
    computation, _ = computed(module, params, sound.framing)
    return batch_frames(sound.samples[None], computation)[0], dimensions


def spectrogram(sound: Sound) -> np.ndarray:
    """Return the power (n_frames, n_bins) of Hann windows, dB re its greatest, down to -80."""
    n_fft = 1 << (sound.framing.window - 1).bit_length()
    power = PowerSpectrum(sound.framing, n_fft)(torch.from_numpy(as_float(sound.samples[None])))[0].numpy()
    decibels = 10 * np.log10(np.maximum(power, SMALLEST_POWER))
    return np.maximum(decibels - decibels.max(), -RANGE_DB)


def waveform(place: Axes, sound: Sound) -> None:
    """Draw the samples."""
    times_s = sound.start_s + np.arange(len(sound.samples)) / sound.framing.sample_rate
    place.plot(times_s, as_float(sound.samples), linewidth=0.4)
    place.set(ylabel="amplitude (full scale)", title="waveform")


def spectrum(place: Axes, sound: Sound) -> None:
    """Draw the power of the whole sound over frequency."""
    windowed = as_float(sound.samples).astype(np.float64) * np.hanning(len(sound.samples))
    power = np.abs(np.fft.rfft(windowed)) ** 2
    decibels = 10 * np.log10(np.maximum(power / max(power.max(), SMALLEST_POWER), SMALLEST_POWER))
    place.plot(np.fft.rfftfreq(len(windowed), 1 / sound.framing.sample_rate), decibels, linewidth=0.4)
    place.set(xlabel="frequency (Hz)", ylabel="power (dB re greatest)", title="spectrum of the whole sound")
    place.set(xlim=(0, sound.framing.sample_rate / 2), ylim=(-RANGE_DB - 20, 3))


def stft(place: Axes, sound: Sound) -> None:
    """Draw the spectrogram."""
    sound.picture(place, spectrogram(sound), (0, sound.framing.sample_rate / 2), "dB re greatest")
    place.set(ylabel="frequency (Hz)", title="spectrogram (STFT)")


def mel(place: Axes, sound: Sound) -> None:
    """Draw the mel bands, with their centres."""
    values, dimensions = frames_of("mel", sound)
    sound.picture(place, values, (-0.5, len(dimensions) - 0.5), "dB")
    shown = np.linspace(0, len(dimensions) - 1, 8).round().astype(int)
    place.set_yticks(shown, [f"{dimensions[band].band_hz:.0f}" for band in shown])
    place.set(ylabel="centre of the band (Hz)", title="mel bands")


def mfcc(place: Axes, sound: Sound) -> None:
    """Draw the coefficients that tell of timbre."""
    values, dimensions = frames_of("mfcc", sound)
    n_mfcc = sum(dimension.name.startswith("coefficient") for dimension in dimensions)
    sound.picture(place, values[:, 1:n_mfcc], (0.5, n_mfcc - 0.5), "dB", SIGNED)
    place.set(ylabel="coefficient", title="MFCC, without the first, loudness")


def chroma(place: Axes, sound: Sound) -> None:
    """Draw the notes."""
    values, dimensions = frames_of("chroma", sound)
    sound.picture(place, values[:, :12], (-0.5, 11.5), "share of the strongest", "viridis")
    place.set_yticks(range(12), [dimension.name.replace("_sharp", "#").upper() for dimension in dimensions[:12]])
    place.set(ylabel="note", title="chroma")


def pitch(place: Axes, sound: Sound) -> None:
    """Draw the fundamental frequency of voiced frames over the spectrogram."""
    sound.picture(place, spectrogram(sound), (0, sound.framing.sample_rate / 2), "dB re greatest")
    values, dimensions = frames_of("pitch", sound)
    voiced_hz = values[:, [dimension.name for dimension in dimensions].index(VOICED)]
    place.plot(sound.times_s(len(values)), voiced_hz, color="cyan", linewidth=2)
    place.set(ylabel="frequency (Hz)", ylim=(0, PITCH_HZ), title="pitch over the spectrogram, where voiced")


def level(place: Axes, sound: Sound) -> None:
    """Draw how loud frames are."""
    values, dimensions = frames_of("level", sound)
    for number, dimension in enumerate(dimensions):
        if dimension.name in ("rms", "peak"):
            place.plot(sound.times_s(len(values)), values[:, number], label=dimension.name, linewidth=1)
    place.set(ylabel="level (dBFS)", title="level")
    place.legend(loc="lower right")


PANELS = (waveform, spectrum, stft, mel, mfcc, chroma, pitch, level)
