"""Frames of made sound in dB, that tests of models and of augmentations share."""

import torch

FRAMES = torch.randn(6, 51, 40, generator=torch.Generator().manual_seed(1)) * 10 - 50
