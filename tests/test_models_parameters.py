"""Networks have as many parameters as their layers say, and sizes that cannot be are refused."""

import planted_task
import pytest
import torch

from stages.models import cnn, cnn_trad, dnn, ds_cnn, gru, linear, lstm, wavenet
from stages.params import ParamsError, check_section


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
