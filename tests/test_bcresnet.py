"""BC-ResNet as matrices: that it is the published network, sum for sum, and how a statistic follows from moments."""

from math import ceil

import pytest
import torch
from torch.nn.functional import cross_entropy

from benchmarks.plain_bcresnet import twin
from stages.models import bcresnet
from stages.models.normalised import Moments, Normalised
from stages.params import ParamsError, check_section


def built(scale: float = 1.0, n_bands: int = 40, sub_bands: int = 5, dropout: float = 0.0) -> bcresnet.BcResNet:
    params = bcresnet.Params(scale=scale, sub_bands=sub_bands, dropout=dropout)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return bcresnet.build(params, (51, n_bands), 12)


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(2), dtype=torch.float64)


@pytest.mark.parametrize(
    ("scale", "n"),
    [(1.0, 9_232), (1.5, 17_154), (2.0, 27_284), (3.0, 54_168), (6.0, 187_812), (8.0, 321_068)],
)
def test_its_parameters_are_as_many_as_the_paper_s(scale: float, n: int) -> None:
    """Kim and others 2021 give 9.2 k, 27.3 k, 54.2 k, 188 k and 321 k."""
    assert sum(weight.numel() for weight in built(scale).parameters()) == n


@pytest.mark.parametrize(("n_frames", "n_bands", "sub_bands"), [(51, 40, 5), (101, 80, 5), (7, 40, 1), (20, 34, 1)])
def test_it_is_the_network_of_plain_convolutions_in_training_and_after(
    n_frames: int, n_bands: int, sub_bands: int
) -> None:
    """Logits, every gradient and every running statistic, in double precision; 7 frames are fewer than a step of 8."""
    fast = built(1.5, n_bands, sub_bands).double()
    plain = twin(fast, 12, sub_bands)
    frames, labels = noise(6, n_frames, n_bands) + 0.5, torch.arange(6)
    given, expected = fast(frames), plain(frames)
    torch.testing.assert_close(given, expected, rtol=1e-9, atol=1e-12)

    cross_entropy(given, labels).backward()
    cross_entropy(expected, labels).backward()
    for name, weight in plain.named_parameters():
        own = fast.get_parameter(_place(name, fast)).grad
        own = own.transpose(1, 2) if name == "last.weight" else own
        torch.testing.assert_close(own.reshape(weight.shape), weight.grad, rtol=1e-7, atol=1e-11, msg=name)
    torch.testing.assert_close(fast.eval()(frames), plain.eval()(frames), rtol=1e-9, atol=1e-12)


def _place(name: str, fast: bcresnet.BcResNet) -> str:
    place = name.replace("bands_norm.norm", "bands_norm")
    return place if place in dict(fast.named_parameters()) else place.removesuffix(".weight")


def test_single_precision_stays_as_near_as_plain_convolutions_do() -> None:
    fast = built(1.0)
    exact = built(1.0).double()
    frames = noise(32, 101, 40) + 0.5
    torch.testing.assert_close(fast(frames.float()).double(), exact(frames), rtol=0, atol=2e-5)


def test_mean_and_variance_of_a_map_follow_from_the_moments_of_its_input() -> None:
    rows, matrices = noise(3, 4, 1000) + 2, noise(3, 6, 4)
    norm = Normalised(3 * 2).double()
    scaled, shift = norm(matrices, rows)
    values = (scaled @ rows + shift).view(6, -1)  # two runs of three rows in each group
    torch.testing.assert_close(values.mean(dim=1), torch.zeros(6, dtype=torch.float64), rtol=0, atol=1e-12)
    torch.testing.assert_close(values.var(dim=1, unbiased=False), torch.ones(6, dtype=torch.float64), rtol=0, atol=1e-4)
    unscaled = (matrices @ rows).view(6, -1)
    torch.testing.assert_close(norm.running_mean, 0.1 * unscaled.mean(dim=1))
    torch.testing.assert_close(norm.running_var, 0.9 + 0.1 * unscaled.var(dim=1))


def test_the_gradient_of_moments_is_the_finite_difference() -> None:
    rows = noise(2, 3, 5).requires_grad_()
    assert torch.autograd.gradcheck(Moments.apply, (rows,))


def test_a_row_that_never_changes_gets_no_infinite_gradient() -> None:
    learner = built()
    learner(torch.full((4, 51, 40), 0.3)).sum().backward()
    assert all(weight.grad.isfinite().all() for weight in learner.parameters())


def test_dropout_takes_a_whole_channel_of_a_clip() -> None:
    block = built(dropout=0.5).blocks[1]
    n_channels, _, n = (8, 1, 20 * 6)
    added = block.temporal(noise(n_channels, 1, n).float(), 6).view(n_channels, 20, 6)
    silent = (added == 0).all(dim=1)
    assert torch.equal(silent, (added == 0).any(dim=1))
    assert 0.2 < float(silent.float().mean()) < 0.8


@pytest.mark.parametrize(("n_bands", "sub_bands"), [(40, 2), (34, 5), (10, 5)])
def test_sub_bands_that_do_not_divide_the_bands_are_refused(n_bands: int, sub_bands: int) -> None:
    left = ", ".join(str(ceil(n_bands / share)) for share in (2, 4))
    with pytest.raises(ParamsError, match=f"sub_bands is {sub_bands}, expected a divisor of {left} and"):
        built(1.0, n_bands, sub_bands)


def test_a_scale_that_cuts_a_channel_is_refused() -> None:
    with pytest.raises(ParamsError, match=r"scale is 1.1, expected a multiple of 0.25"):
        check_section({"scale": 1.1, "sub_bands": 5, "dropout": 0.1}, "sizes", bcresnet.Params)
