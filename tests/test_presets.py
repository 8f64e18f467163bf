"""params.yaml and every preset are whole, and each section is what its stage takes."""

from pathlib import Path

import pytest
from conftest import ROOT

from stages import decode, download, evaluate, rank, split, train
from stages.augmentations import AUGMENTATIONS
from stages.features import FAMILIES
from stages.features.statistics import Statistics
from stages.features.stft import Frame
from stages.models import MODELS
from stages.params import check_section, names_of, read_section, read_yaml
from stages.sources import SOURCES
from stages.sources.transfer import Address

PRESETS = [ROOT / "params.yaml", *sorted((ROOT / "presets").glob("*.yaml"))]
each_preset = pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)


@each_preset
def test_every_section_is_what_its_stage_takes(path: Path) -> None:
    chosen = read_section("download", download.Params, path)
    source = SOURCES[chosen.source]
    check_section(chosen.options, "download.options", source.Params, path)
    check_section(read_section("decode", decode.Params, path).layout, "decode.layout", source.Layout, path)
    read_section("split", split.Params, path)
    read_section("extract.frame", Frame, path)
    read_section("extract.statistics", Statistics, path)
    for family in names_of("extract.families", path):
        read_section(f"extract.families.{family}", FAMILIES[family].Params, path)
    read_section("rank", rank.Params, path)
    read_section("evaluate", evaluate.Params, path)


@each_preset
def test_every_model_is_what_train_takes_and_reads_what_is_made(path: Path) -> None:
    families = names_of("extract.families", path)
    for key in names_of("train.models", path):
        where = f"train.models.{key}"
        params = read_section(where, train.Params, path)
        check_section(params.sizes, f"{where}.sizes", MODELS[params.model].Params, path)
        for name, section in params.augment.items():
            check_section(section, f"{where}.augment.{name}", AUGMENTATIONS[name].Params, path)
        assert params.input in ["selected.parquet", *(f"features/{family}" for family in families)]


@each_preset
def test_the_sections_are_those_of_params_yaml(path: Path) -> None:
    assert list(read_yaml(path)) == list(read_yaml(ROOT / "params.yaml"))


@pytest.mark.parametrize("name", ["speech_commands", "speech_commands_quick", "spoken_digits"])
def test_a_preset_of_public_data_points_at_its_public_address(name: str) -> None:
    options = read_section("download", download.Params, ROOT / "presets" / f"{name}.yaml").options
    address = check_section(options["archive"], "download.options.archive", Address)
    assert address.url.startswith(("http://download.tensorflow.org/", "https://github.com/"))


def test_every_registry_has_an_entry_in_params() -> None:
    path = ROOT / "params.yaml"
    assert set(names_of("extract.families", path)) == set(FAMILIES)
    assert {
        read_section(f"train.models.{key}", train.Params, path).model for key in names_of("train.models", path)
    } == set(MODELS)
