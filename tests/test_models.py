"""Models and augmentations: shapes, sizes, and what an augmentation may and may not change."""

import numpy as np
import planted_task
import pytest
import torch
from safetensors.torch import load, save

from stages.augmentations import AUGMENTATIONS, masks, noise, shift
from stages.augmentations.setting import Setting
from stages.executors import SettingError
from stages.models import MODELS, cnn, cnn_trad, dnn, ds_cnn, gru, linear, lstm, wavenet
from stages.models.card import Scale, log_probabilities, mean_and_std, normalised
from stages.models.device import device
from stages.params import ParamsError, check_section

FRAMES = torch.randn(6, 51, 40, generator=torch.Generator().manual_seed(1)) * 10 - 50
SETTING = Setting(
    0.02, torch.linspace(50, 7600, 40), torch.randn(5, 51, 40, generator=torch.Generator().manual_seed(2))
)
VECTORS = FRAMES.mean(dim=1)
WITHOUT_WEIGHTS = [name for name in MODELS if hasattr(MODELS[name], "learn")]  # 0 to all until they have learned
each_model = pytest.mark.parametrize("name", MODELS)
each_model_with_weights = pytest.mark.parametrize("name", [name for name in MODELS if name not in WITHOUT_WEIGHTS])
each_model_of_frames = pytest.mark.parametrize("name", [name for name in MODELS if 2 in MODELS[name].INPUT_AXES])


def draw(seed: int = 3) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


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


def n_parameters(model: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def test_dnn_has_as_many_parameters_as_its_layers() -> None:
    model = dnn.build(dnn.Params(hidden=(64, 32), dropout=0.0), (80,), 12)
    assert n_parameters(model) == (80 * 64 + 64) + 2 * 64 + (64 * 32 + 32) + 2 * 32 + (32 * 12 + 12)


def test_cnn_has_as_many_parameters_as_its_kernels() -> None:
    params = cnn.Params(channels=(8, 16), time_strides=(2, 1), band_strides=(2, 1), first_kernel=5, dropout=0.0)
    assert n_parameters(cnn.build(params, (51, 40), 12)) == 25 * 8 + 2 * 8 + 9 * 8 * 16 + 2 * 16 + 16 * 12 + 12


def test_lstm_has_as_many_parameters_as_its_gates() -> None:
    params = lstm.Params(frames_per_step=2, hidden=32, n_layers=1, bidirectional=True, dropout=0.0)
    gates = 4 * 32 * (2 * 40 + 32 + 2)  # torch keeps two biases a gate
    assert n_parameters(lstm.build(params, (51, 40), 12)) == 2 * gates + 64 + (64 * 12 + 12)


def test_linear_has_a_weight_a_column_and_class() -> None:
    assert n_parameters(linear.build(linear.Params(), (80,), 12)) == 80 * 12 + 12


FPOOL3 = cnn_trad.Params(
    channels=(64, 64),
    kernels=((20, 8), (10, 4)),
    strides=((1, 1), (1, 1)),
    pools=((1, 3), (1, 1)),
    linear=32,
    hidden=(128,),
    dropout=0.0,
)
FSTRIDE4 = cnn_trad.Params(
    channels=(186,),
    kernels=((32, 8),),
    strides=((1, 4),),
    pools=((1, 1),),
    linear=32,
    hidden=(128, 128),
    dropout=0.0,
)


@pytest.mark.parametrize(
    ("params", "weights"),
    [
        # the paper's, for 32 frames of 40 bands and 4 classes: 10.2 K, 164 K, 65.5 K, 4.1 K, 0.5 K
        (FPOOL3, [64 * 20 * 8, 64 * 64 * 10 * 4, 32 * 64 * 4 * 8, 128 * 32, 4 * 128]),
        # 47.6 K, 53.5 K, 4.1 K, 16.4 K, 0.5 K
        (FSTRIDE4, [186 * 32 * 8, 32 * 186 * 9, 128 * 32, 128 * 128, 4 * 128]),
    ],
)
def test_cnn_trad_has_the_weights_of_the_paper(params: cnn_trad.Params, weights: list[int]) -> None:
    model = cnn_trad.build(params, (32, 40), 4)
    assert [weight.numel() for weight in model.parameters() if weight.ndim > 1] == weights


def test_ds_cnn_has_as_many_parameters_as_its_kernels() -> None:
    params = ds_cnn.Params(channels=64, first_kernel=(10, 4), first_stride=(2, 2), strides=(1, 1, 1, 1), dropout=0.0)
    blocks = 4 * (9 * 64 + 2 * 64 + 64 * 64 + 2 * 64)
    assert n_parameters(ds_cnn.build(params, (49, 10), 12)) == 10 * 4 * 64 + 2 * 64 + blocks + 64 * 12 + 12


def test_gru_has_as_many_parameters_as_its_gates() -> None:
    params = gru.Params(channels=10, kernel=5, frames_per_step=1, hidden=32, n_layers=1, dense=16, dropout=0.0)
    smooth = 5 * 10 + 2 * 10 + 10 * 5 + 2
    gates = 3 * 32 * (40 + 32 + 2)  # torch keeps two biases a gate
    summary = 64 * 64 + 64 * 16 + 16 + 16 * 12 + 12
    assert n_parameters(gru.build(params, (51, 40), 12)) == smooth + 2 * gates + summary


def test_wavenet_has_as_many_parameters_as_its_kernels() -> None:
    params = wavenet.Params(channels=16, skip=32, kernel=3, dilations=(1, 2, 4), dropout=0.0)
    gates, residuals = 3 * (3 * 16 * 32 + 32), 2 * (16 * 16 + 16)
    summary = (3 * 16 * 32 + 32) + (32 * 32 + 32) + (32 * 12 + 12)
    assert n_parameters(wavenet.build(params, (51, 40), 12)) == (3 * 40 * 16 + 16) + gates + residuals + summary


def test_a_kernel_longer_than_the_clip_is_refused() -> None:
    with pytest.raises(ParamsError, match=r"kernels is \[\[20, 8\], .*, expected .* frames .* has 28; .* needs 29"):
        cnn_trad.build(FPOOL3, (28, 40), 4)


def test_lists_of_cnn_trad_must_be_of_one_length() -> None:
    section = {**planted_task.SIZES["cnn_trad"], "pools": ((1, 1),)}
    with pytest.raises(ParamsError, match="channels, kernels, strides and pools of the same length"):
        check_section(section, "sizes", cnn_trad.Params)


def test_lists_of_cnn_must_be_of_one_length() -> None:
    section = {**planted_task.SIZES["cnn"], "time_strides": (2,)}
    with pytest.raises(ParamsError, match="channels, time_strides and band_strides of the same length"):
        check_section(section, "train.models.cnn.sizes", cnn.Params)


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


def test_an_unknown_device_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_DEVICE", "gpu")
    with pytest.raises(SettingError, match="EARMARK_DEVICE is 'gpu', expected cpu, cuda"):
        device()
