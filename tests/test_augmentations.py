"""Augmentations: what each changes, by how much, and what it leaves alone."""

import numpy as np
import planted_task
import pytest
import torch
from made_frames import FRAMES

from stages.augmentations import AUGMENTATIONS, masks, noise, shift
from stages.augmentations.setting import Setting
from stages.params import check_section

SETTING = Setting(
    0.02, torch.linspace(50, 7600, 40), torch.randn(5, 51, 40, generator=torch.Generator().manual_seed(2))
)


def draw(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", AUGMENTATIONS)
def test_an_augmentation_repeats_itself_and_leaves_its_input_alone(name: str) -> None:
    params = check_section(planted_task.AUGMENT[name], name, AUGMENTATIONS[name].Params)
    before = FRAMES.clone()
    first = AUGMENTATIONS[name].apply(FRAMES, params, SETTING, draw())
    torch.testing.assert_close(first, AUGMENTATIONS[name].apply(FRAMES, params, SETTING, draw()), rtol=0, atol=0)
    assert first.shape == FRAMES.shape
    assert not torch.equal(first, FRAMES)
    assert torch.equal(before, FRAMES)


def test_a_shift_moves_whole_frames_no_further_than_said() -> None:
    clock = torch.arange(51.0).expand(40, 51).T.expand(500, 51, 40)
    moved = shift.apply(clock, shift.Params(most_ms=100), SETTING, draw())
    steps = 25 - moved[:, 25, 0]  # which frame stands in the middle
    assert sorted(set(steps.tolist())) == list(range(-5, 6))
    assert set(moved.diff(dim=1).unique().tolist()) == {0, 1}  # the edge is repeated, nothing is skipped


def test_a_shift_means_the_same_at_half_the_hop() -> None:
    """100 ms are 5 frames at 20 ms and 10 at 10 ms."""
    clock = torch.arange(101.0)[:, None].expand(500, 101, 1)
    moved = shift.apply(clock, shift.Params(most_ms=100), Setting(0.01, SETTING.dims_hz, SETTING.noise), draw())
    assert (50 - moved[:, 50, 0]).abs().max() == 10


def test_equal_noise_adds_three_decibels() -> None:
    """10 log10(2) = 3.01 dB; noise 100 dB below adds nothing; none is added at probability 0."""
    same = Setting(0.02, SETTING.dims_hz, FRAMES[:1])
    for gain_db, expected in ((0.0, 10 * np.log10(2)), (-100.0, 0.0)):
        params = noise.Params(probability=1.0, gain_db=(gain_db, gain_db))
        mixed = noise.apply(FRAMES[:1], params, same, draw())
        torch.testing.assert_close(mixed, FRAMES[:1] + expected, rtol=0, atol=1e-4)
    never = noise.apply(FRAMES, noise.Params(probability=0.0, gain_db=(0, 0)), SETTING, draw())
    assert torch.equal(never, FRAMES)


def test_mixed_power_is_the_power_of_the_sum_of_two_waves_on_average() -> None:
    """White noise in white noise: the mean power of the sum, over many frames, against the mixture of mean powers."""
    generator = np.random.default_rng(4)
    first, second = generator.normal(0, 0.1, (2, 2000, 400))
    spectra = [np.square(np.abs(np.fft.rfft(wave))).mean(axis=0) for wave in (first, second, first + 0.5 * second)]
    levels = [torch.tensor(10 * np.log10(power), dtype=torch.float32).reshape(1, 1, -1) for power in spectra]
    setting = Setting(0.02, torch.arange(201.0), levels[1])
    gain_db = 20 * np.log10(0.5)
    mixed = noise.apply(levels[0], noise.Params(probability=1.0, gain_db=(gain_db, gain_db)), setting, draw())
    torch.testing.assert_close(mixed, levels[2], rtol=0, atol=0.6)
    assert float((mixed - levels[2]).abs().mean()) < 0.15


def test_noise_comes_to_the_share_of_clips_that_params_say() -> None:
    many = FRAMES[:1].expand(4000, -1, -1)
    mixed = noise.apply(many, noise.Params(probability=0.3, gain_db=(0, 0)), SETTING, draw())
    assert float((mixed != many).any(dim=2).any(dim=1).float().mean()) == pytest.approx(0.3, abs=0.03)


def blank_widths(hop_s: float, n_frames: int, params: masks.Params) -> torch.Tensor:
    frames = torch.randn(2000, n_frames, 40, generator=draw(5))
    setting = Setting(hop_s, SETTING.dims_hz, SETTING.noise)
    blank = masks.apply(frames, params, setting, draw()) != frames
    return blank.all(dim=2).sum(dim=1) * hop_s


def test_a_mask_of_time_is_no_wider_than_said_and_as_wide_at_any_hop() -> None:
    params = masks.Params(n_times=1, time_ms=200, n_bands=0, band_hz=0)
    coarse, fine = blank_widths(0.02, 51, params), blank_widths(0.01, 101, params)
    assert max(coarse.max(), fine.max()) <= 0.2 + 1e-6
    assert float(coarse.mean()) == pytest.approx(float(fine.mean()), abs=0.004)


def test_a_mask_of_frequency_is_no_wider_than_said() -> None:
    params = masks.Params(n_times=0, time_ms=0, n_bands=1, band_hz=1000)
    blank = (masks.apply(FRAMES.repeat(100, 1, 1), params, SETTING, draw()) != FRAMES.repeat(100, 1, 1)).all(dim=1)
    spacing_hz = float(SETTING.dims_hz.diff()[0])
    assert 3 * spacing_hz < blank.sum(dim=1).max() * spacing_hz <= 1000 + spacing_hz
