"""What is learned in the benchmark of training: the models of params.yaml and a BC-ResNet, on made clips."""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Generator, Tensor, nn

from apps.models import input_shape, n_classes
from stages import decode, train
from stages.features import mel
from stages.features.stft import Frame, Framing
from stages.models import MODELS
from stages.models.parts import Groups, Part
from stages.params import check_section, names_of, read_section
from stages.tables.inputs import Inputs

VAL_SHARE = 8  # training clips to one of validation, as in Speech Commands
BCRESNET = {"model": "bcresnet", "batch_size": 100, "sizes": {"scale": 1.0, "sub_bands": 5, "dropout": 0.1}}
BCRESNET_FRAME = Frame(window_s=0.025, hop_s=0.01)


@dataclass(frozen=True)
class Case:
    """A model, how it learns, and how the sound is made into what it reads."""

    params: train.Params
    shape: tuple[int, ...]  # of a clip: (n_frames, n_bands) or (n_columns,)
    framing: Framing
    mel: mel.Params
    classes: int

    def network(self) -> nn.Module:
        """Return the network with fresh weights from one seed."""
        module = MODELS[self.params.model]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return module.build(check_section(self.params.sizes, "sizes", module.Params), self.shape, self.classes)

    def clips(self, n_clips: int) -> tuple[Tensor, Tensor]:
        """Return values (n_clips, ...) of noise, in the type in which they are stored, and labels, all as frequent."""
        spread = torch.randn(n_clips, *self.shape, generator=Generator().manual_seed(0))
        labels = torch.arange(n_clips) % self.classes
        return ((20 * spread - 40).half() if len(self.shape) > 1 else spread), labels

    def parts(self, n_clips: int) -> tuple[Part, Groups, Part, Inputs]:
        """Return what the loop reads: training, its groups, validation, and facts about the training part's values."""
        learned, judged = (Part(*self.clips(n)) for n in (n_clips, max(1, n_clips // VAL_SHARE)))
        last = self.classes - 1
        groups = [learned.labels < last - 1, learned.labels == last - 1, learned.labels == last]
        bands = mel.dimensions(self.mel, self.framing.sample_rate) if len(self.shape) > 1 else ()
        bands_hz = tuple(band.band_hz for band in bands if band.band_hz is not None)
        names = tuple(map(str, range(self.shape[-1])))
        inputs = Inputs(learned.values.numpy(), names, self.framing.hop_s, bands_hz)
        return learned, Groups(*(group.nonzero()[:, 0] for group in groups)), judged, inputs


def cases(path: Path) -> dict[str, Case]:
    """Return the networks of the params file that learn by gradients, and BC-ResNet 1 augmented as its `cnn`."""
    rate_hz = read_section("decode", decode.Params, path).sample_rate_hz
    framing = Framing.of(read_section("extract.frame", Frame, path), rate_hz)
    bands = read_section("extract.families.mel", mel.Params, path)
    found = {}
    for key in names_of("train.models", path):
        section = f"train.models.{key}"
        params = read_section(section, train.Params, path)
        if not hasattr(MODELS[params.model], "learn"):
            found[key] = Case(params, input_shape(section, params, path), framing, bands, n_classes(path))
    finer, bands = Framing.of(BCRESNET_FRAME, rate_hz), bands.model_copy(update={"n_mels": 40})
    shape = (finer.n_frames(rate_hz), bands.n_mels)
    params = found["cnn"].params.model_copy(update=BCRESNET)
    return found | {"bcresnet_1": replace(found["cnn"], params=params, shape=shape, framing=finer, mel=bands)}
