"""Waves and powers get the same noise: the benchmark draws what the augmentation draws."""

import torch

from benchmarks.noise import mixed
from stages.augmentations import noise
from stages.augmentations.setting import Setting


def test_a_window_mixed_into_silence_is_as_loud_in_waves_as_in_powers() -> None:
    settings = noise.Params(probability=0.5, gain_db=(-20, 0))
    amplitudes = torch.tensor([1000.0, 2000.0, 4000.0, 8000.0])  # of constant windows, of full scale 32768
    windows_db = 20 * torch.log10(amplitudes / 32768)
    silence_db = torch.full((64, 3, 2), -300.0)
    setting = Setting(0.01, torch.tensor([100.0, 200.0]), windows_db[:, None, None].expand(4, 3, 2))
    powers = noise.apply(silence_db, settings, setting, torch.Generator().manual_seed(1))[:, 0, 0]
    windows = amplitudes[:, None].expand(4, 160)
    waves = mixed(torch.zeros(64, 160), settings, windows, torch.Generator().manual_seed(1))[:, 0]
    heard = waves > 0
    assert 16 < heard.sum() < 48
    torch.testing.assert_close(20 * torch.log10(waves[heard]), powers[heard], atol=1e-3, rtol=0)
    torch.testing.assert_close(powers[~heard], silence_db[~heard, 0, 0])
