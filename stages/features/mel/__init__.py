"""mel: log-mel spectrogram in dB, equal to `power_to_db(melspectrogram(...))` of librosa on each clip alone.

The front end (stages/features/frontend.py) is the feature: a dimension a band, low frequencies first.
"""

from stages.features.family import Computation, Dimension, numbered
from stages.features.filterbank import mel_edges
from stages.features.frontend import LogMel, LogMelParams
from stages.features.stft import Framing


class Params(LogMelParams):
    """Section extract.families.mel."""

    keep_frames: bool


def dimensions(params: Params, sample_rate: int) -> tuple[Dimension, ...]:
    """Return what each band is: its triangle's corners in Hz."""
    edges = mel_edges(params.n_mels, params.fmin_hz, params.fmax_hz)
    return tuple(
        Dimension(
            numbered("band", band, params.n_mels),
            "dB",
            f"mel power between {edges[band]:.0f} and {edges[band + 2]:.0f} Hz, most at {edges[band + 1]:.0f} Hz",
            float(edges[band + 1]),
        )
        for band in range(params.n_mels)
    )


def computation(params: Params, framing: Framing) -> Computation:
    """Return the front end as a torch module."""
    return LogMel(params, framing)
