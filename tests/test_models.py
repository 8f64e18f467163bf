"""Models: what they read, what their logits depend on, and how values are normalised for them."""

import numpy as np
import planted_task
import pytest
import torch
from made_frames import FRAMES
from safetensors.torch import load, save

from stages.executors import SettingError
from stages.models import MODELS
from stages.models.card import Scale, log_probabilities, mean_and_std, normalised
from stages.models.device import device
from stages.params import ParamsError, check_section

VECTORS = FRAMES.mean(dim=1)
WITHOUT_WEIGHTS = [name for name in MODELS if hasattr(MODELS[name], "learn")]  # 0 to all until they have learned
each_model = pytest.mark.parametrize("name", MODELS)
each_model_with_weights = pytest.mark.parametrize("name", [name for name in MODELS if name not in WITHOUT_WEIGHTS])
each_model_of_frames = pytest.mark.parametrize("name", [name for name in MODELS if 2 in MODELS[name].INPUT_AXES])


def network(name: str, shape: tuple[int, ...], n_classes: int = 12, seed: int = 1) -> torch.nn.Module:
    params = check_section(planted_task.SIZES[name], "sizes", MODELS[name].Params)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return MODELS[name].build(params, shape, n_classes)


def clips(name: str) -> torch.Tensor:
    """Six clips of what a model reads, frames where it can, about as they come from normalisation."""
    return (FRAMES if 2 in MODELS[name].INPUT_AXES else VECTORS) / 10 + 5


@each_model_of_frames
def test_a_model_gives_a_logit_a_class_for_any_number_of_frames_or_says_how_many_it_needs(name: str) -> None:
    refused = {}
    for n_frames in [*range(1, 30), 51, 98, 101]:
        try:
            model = network(name, (n_frames, 40))
        except ParamsError as error:
            refused[n_frames] = str(error)
            continue
        assert model(torch.randn(3, n_frames, 40)).shape == (3, 12)
    assert list(refused) == list(range(1, len(refused) + 1))
    assert all("frames" in words and str(n_frames) in words for n_frames, words in refused.items())


@each_model
def test_a_model_reads_what_it_says_it_reads(name: str) -> None:
    for values in (VECTORS, FRAMES):
        if values.ndim - 1 in MODELS[name].INPUT_AXES:
            assert network(name, tuple(values.shape[1:]))(values).shape == (6, 12)


@each_model_with_weights
def test_a_clip_s_logits_do_not_depend_on_the_clips_beside_it(name: str) -> None:
    values = clips(name)
    trained = network(name, tuple(values.shape[1:])).eval()
    assert not torch.equal(trained(values)[2], trained(values)[3])
    torch.testing.assert_close(trained(values)[2:3], trained(values[2:3]), rtol=1e-4, atol=1e-5)


@each_model
def test_a_model_that_does_not_learn_says_the_same_twice(name: str) -> None:
    values = clips(name)
    trained = network(name, tuple(values.shape[1:])).eval()
    assert torch.equal(trained(values), trained(values))


@each_model_with_weights
def test_every_weight_gets_a_gradient(name: str) -> None:
    values = clips(name)
    learner = network(name, tuple(values.shape[1:]))
    learner(values).square().sum().backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in learner.parameters())


@each_model
def test_a_model_read_from_bytes_gives_the_same_logits(name: str) -> None:
    values = clips(name)
    learner = network(name, tuple(values.shape[1:]))
    learner(values)  # where there is a running mean, it moves
    stored = load(save({key: weight.contiguous() for key, weight in learner.state_dict().items()}))
    other = network(name, tuple(values.shape[1:]), seed=2)
    other.load_state_dict(stored)
    assert torch.equal(other.eval()(values), learner.eval()(values))


def test_a_missing_number_stands_at_the_mean_of_those_that_are_there() -> None:
    values = np.random.default_rng(6).normal(3, 2, (50, 3)).astype(np.float32)
    values[:20, 1] = np.nan
    values[:, 2] = np.nan
    mean, std = mean_and_std(values, centred=False)
    assert mean == pytest.approx([values[:, 0].mean(), values[20:, 1].mean(), 0], abs=1e-5)
    assert std == pytest.approx([values[:, 0].std(), values[20:, 1].std(), 1], abs=1e-5)
    scaled = normalised(torch.from_numpy(values), Scale(torch.tensor(mean), torch.tensor(std), centred=False)).numpy()
    assert (scaled[:20, 1] == 0).all()
    assert (scaled[:, 2] == 0).all()
    assert scaled[20:, 1].std() == pytest.approx(1, abs=1e-5)


def test_log_probabilities_are_of_normalised_values_and_add_up_to_one() -> None:
    mean, std = mean_and_std(FRAMES.numpy(), centred=False)
    scale = Scale(torch.tensor(mean), torch.tensor(std), centred=False)
    nats = log_probabilities(network("cnn", (51, 40)), FRAMES, scale)
    torch.testing.assert_close(nats.exp().sum(dim=1), torch.ones(6))


def test_mean_and_standard_deviation_equal_numpy_and_spare_a_constant_dimension() -> None:
    values = np.random.default_rng(1).normal(3, 2, (70, 5, 4)).astype(np.float16)
    values[..., 2] = 7
    mean, std = mean_and_std(values, centred=False)
    wide = values.astype(np.float64)
    np.testing.assert_allclose(mean, wide.mean(axis=(0, 1)))
    np.testing.assert_allclose(std, np.where(np.arange(4) == 2, 1, wide.std(axis=(0, 1))))


def test_where_clips_are_centred_louder_ones_read_the_same() -> None:
    values = FRAMES.double().numpy()
    louder = values + np.arange(len(values))[:, None, None]  # dB
    numbers = [mean_and_std(each, centred=True) for each in (values, louder)]
    np.testing.assert_allclose(*numbers)
    scale = Scale(*torch.tensor(numbers[0]), centred=True)
    first, second = (normalised(torch.from_numpy(each), scale) for each in (values, louder))
    torch.testing.assert_close(first, second, atol=1e-5, rtol=0)
    assert first.mean(dim=(0, 1)).abs().max() < 1e-5
    torch.testing.assert_close(first.std(dim=(0, 1), correction=0), torch.ones(first.shape[2]))


def test_an_unknown_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_DEVICE", "gpu")
    with pytest.raises(SettingError, match="EARMARK_DEVICE is 'gpu', expected cpu, cuda"):
        device()
