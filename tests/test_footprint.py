"""What a network costs and how far it looks, against closed forms."""

from pathlib import Path

import planted_task
import pytest
import torch
from conftest import ROOT
from test_models_parameters import FPOOL3, FSTRIDE4
from torch import Tensor, nn

from apps.models import table
from benchmarks.plain_bcresnet import twin
from stages.files import read_json
from stages.models import MODELS, bcresnet, cnn_trad, ds_cnn, wavenet
from stages.models.footprint import footprint, multiply_adds, receptive_frames
from stages.params import ParamsError, check_section, names_of


class Stack(nn.Sequential):
    """Layers over (batch, n_dims, n_frames) with positions in time."""

    def positions(self, frames: Tensor) -> Tensor:
        return self(frames.transpose(1, 2)).transpose(1, 2)


@pytest.mark.parametrize(
    ("layer", "shape", "n"),
    [
        (nn.Linear(30, 7), (30,), 30 * 7),
        (nn.Linear(30, 7), (11, 30), 11 * 30 * 7),
        (nn.Conv1d(6, 8, 5, stride=2, padding=2), (6, 21), 11 * 6 * 8 * 5),
        (nn.Conv1d(6, 6, 3, padding=2, dilation=2, groups=6), (6, 21), 21 * 6 * 3),
        (nn.Conv2d(1, 4, (5, 3), (2, 1)), (1, 21, 10), 9 * 8 * 4 * 15),
        (nn.LSTM(10, 12, 2, batch_first=True), (9, 10), 9 * 4 * 12 * ((10 + 12) + (12 + 12))),
        (nn.GRU(10, 12, bidirectional=True, batch_first=True), (9, 10), 9 * 2 * 3 * 12 * (10 + 12)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_multiply_adds_are_those_of_the_closed_form(layer: nn.Module, shape: tuple[int, ...], n: int) -> None:
    assert multiply_adds(nn.Sequential(layer), shape) == n


@pytest.mark.parametrize(("params", "millions"), [(FPOOL3, (4.4, 5.2, 0.0655, 0.0041, 0.0005)), (FSTRIDE4, (0.503,))])
def test_cnn_trad_multiplies_as_often_as_the_paper_says(params: cnn_trad.Params, millions: tuple[float, ...]) -> None:
    model = cnn_trad.build(params, (32, 40), 4)
    assert multiply_adds(model, (32, 40)) / 1e6 == pytest.approx(sum(millions), rel=0.01)


def test_a_network_of_matrices_counts_as_the_convolutions_it_stands_for() -> None:
    fast = bcresnet.build(bcresnet.Params(scale=1.5, sub_bands=5, dropout=0.0), (51, 40), 12)
    assert multiply_adds(fast, (51, 40)) == multiply_adds(twin(fast, 12, 5), (51, 40))


@pytest.mark.parametrize("dilations", [(1,), (1, 2, 4, 8), (1, 2, 4, 8) * 3])
def test_the_receptive_field_of_wavenet_is_that_of_its_formula(dilations: tuple[int, ...]) -> None:
    params = wavenet.Params(channels=4, skip=6, kernel=3, dilations=dilations, dropout=0.0)
    assert receptive_frames(wavenet.build(params, (51, 5), 3), (51, 5)) == 1 + 2 * (1 + sum(dilations))


def test_the_receptive_field_of_bcresnet_is_that_of_its_kernels() -> None:
    model = bcresnet.build(bcresnet.Params(scale=1.0, sub_bands=5, dropout=0.0), (51, 40), 12)
    assert receptive_frames(model.eval(), (51, 40)) == 1 + 4 + 2 * (2 * 1 + 2 * 2 + 4 * 4 + 4 * 8) + 4


def test_the_receptive_field_of_ds_cnn_is_that_of_its_kernels_and_strides() -> None:
    params = ds_cnn.Params(channels=8, first_kernel=(10, 4), first_stride=(2, 2), strides=(2, 1), dropout=0.0)
    assert receptive_frames(ds_cnn.build(params, (51, 40), 12).eval(), (51, 40)) == 10 + 2 * 2 + 2 * 2 * 2


@pytest.mark.parametrize(
    ("layers", "n"),
    [
        ([nn.Conv1d(3, 4, 5)], 5),
        ([nn.Conv1d(3, 4, 3, dilation=4, padding=4), nn.Conv1d(4, 4, 3, padding=1)], 11),
        ([nn.Conv1d(3, 4, 3, stride=2), nn.Conv1d(4, 4, 3, stride=2)], 7),
        ([nn.Conv1d(3, 4, 1)], 1),
    ],
)
def test_the_receptive_field_of_a_stack_is_that_of_its_kernels(layers: list[nn.Module], n: int) -> None:
    assert receptive_frames(Stack(*layers), (20, 3)) == n


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_a_footprint_and_is_left_as_it_was(name: str) -> None:
    shape = (51, 40) if 2 in MODELS[name].INPUT_AXES else (40,)
    params = check_section(planted_task.SIZES[name], "sizes", MODELS[name].Params)
    model = MODELS[name].build(params, shape, 12)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    found = footprint(model, shape)
    assert found.n_parameters == sum(weight.numel() for weight in model.parameters())
    assert found.n_multiply_adds >= found.n_parameters / 2
    assert model.training
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert all(weight.grad is None for weight in model.parameters())
    if name in ("lstm", "gru", "dnn", "linear", "cnn_trad"):
        assert found.n_receptive_frames is None


def test_the_table_of_models_shows_the_default_s_without_data() -> None:
    lines = [line.split() for line in table(ROOT / "params.yaml", None)]
    assert [line[0] for line in lines[1:]] == list(names_of("train.models", ROOT / "params.yaml"))
    cnn = next(line for line in lines if line[0] == "cnn")
    assert cnn[1:5] == ["51", "x", "40", "47,580"]
    assert float(cnn[-1]) == pytest.approx((int(cnn[-2]) - 1) * 0.02 + 0.025)


def test_students_stand_below_the_models() -> None:
    path = ROOT / "presets/speech_commands.yaml"
    keys = [line.split()[0] for line in table(path, None)[1:]]
    assert keys == [*names_of("train.models", path), *names_of("distill", path)]


def test_the_table_asks_for_the_classes_that_only_the_data_know() -> None:
    path = ROOT / "presets/own_sounds.yaml"
    with pytest.raises(ParamsError, match=r"split.task is 'labels', .* give --classes"):
        table(path, None)
    assert len(table(path, 5)) > 1


def test_a_model_of_all_features_is_shown_with_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    text = (ROOT / "params.yaml").read_text()
    path.write_text(text.replace('input: "selected.parquet"', 'input: "features"\n      families: ["level"]'))
    dnn = next(line.split() for line in table(path, None) if line.startswith("dnn"))
    assert int(dnn[1]) == read_json(ROOT / "metrics/extract/level.json")["n_columns"]
