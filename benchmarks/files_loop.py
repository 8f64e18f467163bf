"""Training as it is commonly written: a DataLoader over files of sound, each clip changed and framed on its own.

A clip is read by soundfile, moved in time with zeros after it, mixed with a stretch of background noise at a random
gain, and its log-mel is taken as torchaudio takes it: torch.stft, magnitude, square, one product with the mel bank,
logarithm. Only what the model's section augments is augmented, and no masks are drawn. A model on columns gets means
and deviations of the bands over time, less work than the families from which its own columns are chosen.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import librosa
import numpy as np
import soundfile
import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset

from benchmarks.cases import VAL_SHARE, Case
from benchmarks.recordings import file_bytes
from stages.augmentations import noise, shift
from stages.models.recipe import optimizer_of
from stages.params import check_section

NOISE_S = 60  # of background in memory
SMALLEST = 1e-6  # power added before the logarithm


def write_files(folder: Path, n_files: int) -> list[Path]:
    """Return the paths of so many wav files of a second, written to `folder`."""
    sounds = file_bytes("wav")
    paths = [folder / f"{number:05d}.wav" for number in range(n_files)]
    for number, path in enumerate(paths):
        path.write_bytes(sounds[number % len(sounds)])
    return paths


class Files(Dataset):
    """Clips as (what the model reads, label), from files of sound."""

    def __init__(self, paths: Sequence[Path], case: Case, augments: bool) -> None:
        self.paths, self.case = paths, case
        augment = case.params.augment if augments else {}
        self.shift = check_section(augment["shift"], "shift", shift.Params) if "shift" in augment else None
        self.mix = check_section(augment["noise"], "noise", noise.Params) if "noise" in augment else None
        self.random = np.random.default_rng(0)
        self.noise = 0.01 * self.random.standard_normal(NOISE_S * case.framing.sample_rate).astype(np.float32)
        self.window = torch.hann_window(case.framing.window)
        self.bank = torch.from_numpy(
            librosa.filters.mel(
                sr=case.framing.sample_rate,
                n_fft=case.mel.n_fft,
                n_mels=case.mel.n_mels,
                fmin=case.mel.fmin_hz,
                fmax=case.mel.fmax_hz,
            )
        )

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int) -> tuple[Tensor, int]:
        samples, _ = soundfile.read(self.paths[place], dtype="float32")
        return self.read(torch.from_numpy(self.changed(samples))), place % self.case.classes

    def changed(self, samples: np.ndarray) -> np.ndarray:
        """Return the clip (n_samples,) moved and mixed."""
        if self.shift is not None:
            most = round(self.shift.most_ms / 1000 * self.case.framing.sample_rate)
            move = int(self.random.integers(-most, most + 1))
            moved = np.zeros_like(samples)
            moved[max(move, 0) : len(samples) + min(move, 0)] = samples[max(-move, 0) : len(samples) - max(move, 0)]
            samples = moved
        if self.mix is not None and self.random.random() < self.mix.probability:
            start = int(self.random.integers(len(self.noise) - len(samples)))
            gain = 10 ** (self.random.uniform(*self.mix.gain_db) / 20)
            samples = samples + np.float32(gain) * self.noise[start : start + len(samples)]
        return samples

    def read(self, samples: Tensor) -> Tensor:
        """Return what the model reads of a clip: (n_frames, n_bands) or (n_columns,)."""
        n_fft, framing = self.case.mel.n_fft, self.case.framing
        spectrum = torch.stft(
            samples, n_fft, framing.hop, framing.window, self.window, pad_mode="constant", return_complex=True
        )
        bands = (self.bank @ spectrum.abs().square() + SMALLEST).log()
        if len(self.case.shape) > 1:
            return bands.T
        summary = torch.cat([bands.mean(dim=1), bands.std(dim=1)])
        return summary.repeat(-(-self.case.shape[0] // len(summary)))[: self.case.shape[0]]


def files_epoch(case: Case, paths: Sequence[Path], network: nn.Module) -> Callable[[], object]:
    """Return the work of an epoch after another: learn from `paths` in a random order, then judge a share of them."""
    optimizer = optimizer_of(network, case.params)
    learned = DataLoader(Files(paths, case, augments=True), case.params.batch_size, shuffle=True)
    judged = DataLoader(Files(paths[: max(1, len(paths) // VAL_SHARE)], case, augments=False), case.params.batch_size)

    def epoch() -> None:
        network.train()
        for values, labels in learned:
            loss = cross_entropy(network(values), labels, label_smoothing=case.params.label_smoothing)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        network.eval()
        with torch.no_grad():
            for values, labels in judged:
                (network(values).argmax(dim=1) == labels).sum().item()

    return epoch
