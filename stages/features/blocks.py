"""A clip's power spectrum a block of frames at a time: the spectra at work stay in the cache, however long the clip."""

from collections.abc import Iterator

import torch

from stages.features.stft import PowerSpectrum

BLOCK_SAMPLES = 1 << 17  # in the windows of a block; memory of more is given back and taken anew each time


def power_blocks(
    spectrum: PowerSpectrum, samples: torch.Tensor, context: int = 0
) -> Iterator[tuple[slice, slice, torch.Tensor]]:
    """Yield blocks of the frames of one clip, `samples` (n_samples,), with `context` frames around as far as there are.

    A block: its frames in the clip, the same frames in what is yielded, and power (n_frames, 1 + n_fft // 2) float32.
    """
    n_frames = 1 + len(samples) // spectrum.hop
    n_at_once = max(BLOCK_SAMPLES // spectrum.n_fft, 1)
    for start in range(0, n_frames, n_at_once):
        stop = min(start + n_at_once, n_frames)
        first = max(start - context, 0)
        power = spectrum.part(samples, first, min(stop + context, n_frames))
        yield slice(start, stop), slice(start - first, stop - first), power
