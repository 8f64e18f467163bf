"""BC-ResNet of torch's own convolutions and batch norms, one after the other: what ours must equal, and be faster."""

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, silu

from stages.models.bcresnet import STAGES, BcResNet


class SubSpectral(nn.Module):
    """Batch norm of each channel's runs of neighbouring bands, (batch, n_channels, n_bands, n_frames)."""

    def __init__(self, n_channels: int, n_sub_bands: int) -> None:
        super().__init__()
        self.n_sub_bands, self.norm = n_sub_bands, nn.BatchNorm2d(n_channels * n_sub_bands)

    def forward(self, maps: Tensor) -> Tensor:
        runs = maps.unflatten(2, (self.n_sub_bands, -1)).flatten(1, 2)
        return self.norm(runs).view(maps.shape)


class Block(nn.Module):
    def __init__(self, n_in: int, n: int, stride: int, dilation: int, n_sub_bands: int) -> None:
        super().__init__()
        if n_in != n:
            self.mix, self.mix_norm = nn.Conv2d(n_in, n, 1, bias=False), nn.BatchNorm2d(n)
        self.first = n_in != n
        self.bands = nn.Conv2d(n, n, (3, 1), (stride, 1), (1, 0), groups=n, bias=False)
        self.bands_norm = SubSpectral(n, n_sub_bands)
        self.times = nn.Conv2d(n, n, (1, 3), 1, (0, dilation), (1, dilation), groups=n, bias=False)
        self.times_norm = nn.BatchNorm2d(n)
        self.broadcast = nn.Conv2d(n, n, 1, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        over_bands = self.bands_norm(self.bands(relu(self.mix_norm(self.mix(maps))) if self.first else maps))
        over_time = silu(self.times_norm(self.times(over_bands.mean(dim=2, keepdim=True))))
        return relu(over_bands + self.broadcast(over_time) + (0 if self.first else maps))


class Plain(nn.Module):
    """(batch, n_frames, n_bands) -> (batch, n_classes) logits, without dropout."""

    def __init__(self, base: int, n_sub_bands: int, n_last_bands: int, n_classes: int) -> None:
        super().__init__()
        n_in = 2 * base
        self.head, self.head_norm = nn.Conv2d(1, n_in, 5, (2, 1), 2, bias=False), nn.BatchNorm2d(n_in)
        blocks = []
        for number, (share, n_blocks, stride) in enumerate(STAGES):
            for place in range(n_blocks):
                n = int(share * base)
                blocks.append(Block(n_in, n, 1 if place else stride, 2**number, n_sub_bands))
                n_in = n
        self.blocks = nn.Sequential(*blocks)
        self.last = nn.Conv2d(n_in, n_in, (n_last_bands, 5), padding=(0, 2), groups=n_in, bias=False)
        self.mix, self.mix_norm = nn.Conv2d(n_in, 4 * base, 1, bias=False), nn.BatchNorm2d(4 * base)
        self.classes = nn.Linear(4 * base, n_classes)

    def forward(self, frames: Tensor) -> Tensor:
        maps = self.blocks(relu(self.head_norm(self.head(frames.transpose(1, 2)[:, None]))))
        return self.classes(relu(self.mix_norm(self.mix(self.last(maps)))).mean(dim=(2, 3)))


def twin(fast: BcResNet, base: int, n_sub_bands: int) -> Plain:
    """Return the plain network with the weights of `fast`, in its precision."""
    plain = Plain(base, n_sub_bands, fast.last.shape[2], fast.classes.out_features).to(fast.last.dtype)
    weights = dict(fast.named_parameters())
    with torch.no_grad():
        for name, own in plain.named_parameters():
            place = name.replace("bands_norm.norm", "bands_norm")
            given = weights[place] if place in weights else weights[place.removesuffix(".weight")]
            own.copy_((given.transpose(1, 2) if name == "last.weight" else given).reshape(own.shape))
    return plain
