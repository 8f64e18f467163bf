"""chroma: which of the twelve notes sound, whatever their octave, and where they lie on the circles of harmony.

    c, c_sharp, ... b    power of a pitch class over that of the frame's strongest, 0 to 1; 0 in silence
    fifths, minor_thirds, major_thirds
                         tonnetz: mean place of the chroma, sine then cosine, on three circles of radius 1, 1 and 1/2
                         (Harte, Sandler and Gasser, "Detecting harmonic change in musical audio", AMCMM 2006); 0 in
                         silence

Equal to `librosa.feature.chroma_stft` of a window of `n_fft` samples, and to `librosa.feature.tonnetz` of that chroma.
A bin's power is shared out by its distance from the notes (Ellis, "Chroma feature analysis and synthesis", 2007), as
`filters` says.

The tuning is a number of params.yaml. librosa can also estimate it, from each clip; in a second of sound that is rather
what a voice happens to sing or say than the tuning of an instrument, and it would change from clip to clip what the
numbers mean.
"""

import numpy as np
import torch
from numba import njit
from pydantic import FiniteFloat, PositiveFloat, PositiveInt

from stages.features.arithmetic import SMALLEST
from stages.features.blocks import power_blocks
from stages.features.family import Computation, Dimension
from stages.features.stft import Framing, PowerSpectrum
from stages.params import Section

NOTES = ("c", "c_sharp", "d", "d_sharp", "e", "f", "f_sharp", "g", "g_sharp", "a", "a_sharp", "b")
A = NOTES.index("a")
A_HZ = 440.0
# How far a semitone turns, in twelfths of the circle, so that its interval comes to a neighbouring place; the radius.
CIRCLES = {"fifths": (7, 1.0), "minor_thirds": (9, 1.0), "major_thirds": (4, 0.5)}
BELOW_FIRST_BIN = 18.0  # semitones, where the bin of 0 Hz is put


class Params(Section):
    """Section extract.families.chroma."""

    n_fft: PositiveInt
    tuning: FiniteFloat
    centre_hz: PositiveFloat
    width_octaves: PositiveFloat
    keep_frames: bool


def dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each number is: the notes from C on, then two for each circle."""
    notes = (
        Dimension(note, "", f"power of the notes {note.replace('_', ' ').upper()} over the strongest note's")
        for note in NOTES
    )
    places = (
        Dimension(
            f"{circle}_{axis}", "", f"{axis} of the place of the notes on the circle of {circle.replace('_', ' ')}"
        )
        for circle in CIRCLES
        for axis in ("sine", "cosine")
    )
    return *notes, *places


def computation(params: Params, framing: Framing) -> Computation:
    """Return the numbers above for batches of clips: (n_clips, n_samples) -> (n_clips, n_frames, 18)."""
    spectrum = PowerSpectrum(Framing(framing.sample_rate, params.n_fft, framing.hop), params.n_fft)
    notes = torch.from_numpy(filters(params, framing.sample_rate)).float()
    circles = tonnetz()

    def frames(samples: torch.Tensor) -> torch.Tensor:
        # One clip at a time: eight spectra of long windows would be too much for the cache.
        out = np.empty((len(samples), framing.n_frames(samples.shape[1]), len(NOTES) + circles.shape[1]), np.float32)
        for clip in range(len(samples)):
            for block, _, power in power_blocks(spectrum, samples[clip]):
                place((power @ notes).numpy(), circles, out[clip, block])
        return torch.from_numpy(out)

    return frames


@njit(nogil=True, cache=True)
def place(power: np.ndarray, circles: np.ndarray, out: np.ndarray) -> None:
    """Fill `out` (n_frames, 18) from the power of notes (n_frames, 12) float32; sums in float64."""
    n_notes, n_places = circles.shape
    for frame in range(len(power)):
        strongest = power[frame].max()
        scale = strongest if strongest >= SMALLEST else np.float32(1.0)
        total, sums = 0.0, np.zeros(n_places)
        for note in range(n_notes):
            share = power[frame, note] / scale
            out[frame, note] = share
            total += share
            for k in range(n_places):
                sums[k] += circles[note, k] * share
        for k in range(n_places):
            out[frame, n_notes + k] = sums[k] / total if total >= SMALLEST else sums[k]


def filters(params: Params, sample_rate: int) -> np.ndarray:
    """Return the weights from power bins to notes: (n_bins, 12) float64.

    A bin weighs for a note as exp(-x^2 / 2), x its distance from the nearest octave of it in semitones, over half the
    width of the bin or half a semitone, whichever is more; the squares of its twelve weights sum to 1. Then all are
    lowered by exp(-x^2 / 2), x its distance from `centre_hz` over `width_octaves`. `tuning` moves notes and centre.
    """
    frequencies = np.arange(1, 2 + params.n_fft // 2) * (sample_rate / params.n_fft)
    semitones = 12 * np.log2(frequencies / A_HZ) - params.tuning
    semitones = np.concatenate([semitones[:1] - BELOW_FIRST_BIN, semitones])
    widths = np.maximum(np.diff(semitones), 1.0)[:, None]
    semitones = semitones[:-1, None]
    distances = (semitones + A - np.arange(len(NOTES)) + 6) % 12 - 6
    weights = np.exp(-0.5 * (distances / (widths / 2)) ** 2)
    weights /= np.sqrt((weights**2).sum(axis=1, keepdims=True))
    octaves = semitones / 12 - np.log2(params.centre_hz / A_HZ)
    return weights * np.exp(-0.5 * (octaves / params.width_octaves) ** 2)


def tonnetz() -> np.ndarray:
    """Return sine and cosine of each note on each circle, times its radius: (12, 6) float64."""
    notes = np.arange(len(NOTES))
    angles = [(radius, 2 * np.pi / 12 * twelfths * notes) for twelfths, radius in CIRCLES.values()]
    return np.stack([radius * side(angle) for radius, angle in angles for side in (np.sin, np.cos)], axis=1)
