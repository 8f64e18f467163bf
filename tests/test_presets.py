"""params.yaml and every preset are whole, and each section is what its stage takes."""

import os
import shlex
from pathlib import Path

import pytest
from conftest import ROOT

from apps.check import SECTIONS, check, check_names, check_outputs
from stages import download
from stages.features import FAMILIES
from stages.files import LeftoverError
from stages.models import MODELS
from stages.models.choices import Params
from stages.origin import SourceError
from stages.params import ParamsError, check_section, names_of, read_section, read_yaml
from stages.sources.transfer import Address

PRESETS = [ROOT / "params.yaml", *sorted((ROOT / "presets").glob("*.yaml"))]
each_preset = pytest.mark.parametrize("path", PRESETS, ids=lambda path: path.stem)


@each_preset
def test_every_section_is_what_its_stage_takes(path: Path) -> None:
    check(path)
    assert tuple(read_yaml(path)) == SECTIONS


@pytest.mark.parametrize("name", ["speech_commands", "speech_commands_quick", "spoken_digits"])
def test_a_preset_of_public_data_points_at_its_public_address(name: str) -> None:
    options = read_section("download", download.Params, ROOT / "presets" / f"{name}.yaml").options
    address = check_section(options["archive"], "download.options.archive", Address)
    assert address.url.startswith(("http://download.tensorflow.org/", "https://github.com/"))


def test_the_full_preset_is_the_whole_recipe_of_the_whole_task() -> None:
    full = read_yaml(ROOT / "presets/speech_commands.yaml")
    largest = full["train"]["models"]["bcresnet_8"]
    assert (largest["sizes"]["scale"], largest["epochs"], largest["seeds"]) == (8.0, 200, [1, 2, 3])
    assert len(full["split"]["keywords"]) + 2 == 12
    assert full["ensemble"]["members"] == "all"
    assert set(full["distill"]) == {"bcresnet_small"}


@pytest.mark.parametrize(
    ("change", "to", "words"),
    [
        ("kernels: [[20, 8], [10, 4]]", "kernels: [[90, 8], [50, 4]]", r"cnn_trad\.sizes\.kernels is \[\[90, 8\]"),
        ("scale: 8.0, sub_bands: 5", "scale: 8.0, sub_bands: 7", r"bcresnet_8\.sizes\.sub_bands is 7"),
        ("{frames_per_step: 4", "{frames_per_step: 200", r"lstm\.sizes\.frames_per_step is 200"),
    ],
)
def test_sizes_that_fit_no_clip_are_named_with_their_model(change: str, to: str, words: str, tmp_path: Path) -> None:
    text = (ROOT / "presets/speech_commands.yaml").read_text()
    assert text.count(change) == 1
    (tmp_path / "params.yaml").write_text(text.replace(change, to))
    with pytest.raises(ParamsError, match=rf"{tmp_path}/params\.yaml: train\.models\.{words}.*, expected"):
        check(tmp_path / "params.yaml")


def test_every_registry_has_an_entry_in_params() -> None:
    path = ROOT / "params.yaml"
    assert set(names_of("extract.families", path)) == set(FAMILIES)
    chosen = [(file, key) for file in PRESETS for key in names_of("train.models", file)]
    assert {read_section(f"train.models.{key}", Params, file).model for file, key in chosen} == set(MODELS)


@pytest.mark.parametrize(
    ("change", "to", "words"),
    [
        ('source: "synthetic"', 'source: "synthetc"', "download.source is 'synthetc', expected 'synthetic'"),
        ("    spectral:\n", "    spectrl:\n", "extract.families.spectrl is unknown, expected one of mel, mfcc"),
        ('model: "cnn"', 'model: "cn"', "train.models.cnn.model: cn is unknown, expected one of dnn, cnn"),
        (
            '"features/mel"',
            '"features/mell"',
            "input: features/mell is unknown, expected one of selected.parquet, feat",
        ),
        ("\nevaluate:", "\nevaluat:", "evaluat is unknown, expected one of download"),
        ("centred: false", "centred: true", "dnn.centred is true, but 'selected.parquet' holds no frames in dB"),
        ("silence_share: 0.1", "silence_share: 0", "silence_share is 0, expected a share for evaluate.conditions.snr"),
        (
            "sample_rate_hz: 16000",
            "sample_rate_hz: 6000",
            "sample_rate_hz is 6000, expected at least 8000 for evaluate",
        ),
        ("noise: {prob", "noise: {probe", "augment.noise.probeability is not a known key, did you mean 'probability'"),
    ],
)
def test_a_typo_anywhere_is_named_before_a_stage_runs(tmp_path: Path, change: str, to: str, words: str) -> None:
    text = (ROOT / "params.yaml").read_text()
    assert change in text
    (tmp_path / "params.yaml").write_text(text.replace(change, to))
    with pytest.raises(ParamsError) as error:
        check(tmp_path / "params.yaml")
    assert words in str(error.value)


def test_a_name_that_is_not_utf_8_is_refused_before_dvc_stumbles_over_it(tmp_path: Path) -> None:
    (tmp_path / "dog").mkdir()
    (tmp_path / "dog" / "bark.wav").touch()
    check_names(tmp_path)
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/dog/caf\xe9.wav")).touch()
    with pytest.raises(SourceError, match=r"caf\\xe9.wav': the name is not UTF-8 .*rename it"):
        check_names(tmp_path)


def test_all_that_families_and_models_out_of_params_have_left_is_named_before_dvc_hashes_it(in_folder: Path) -> None:
    for name in ("params.yaml", "dvc.yaml"):
        (in_folder / name).symlink_to(ROOT / name)
    kept = ["data/features/mel/part-00000.parquet", "data/features/.gitignore", "metrics/evaluate/cnn_classes.csv"]
    gone = ["data/features/gone", "data/models/a b", "data/predictions/gone.parquet", "metrics/evaluate/gone.csv"]
    gone += ["metrics/extract/gone.json", "metrics/train/gone.csv"]
    for name in kept:
        (in_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (in_folder / name).touch()
    check_outputs(Path("params.yaml"))
    for name in gone:
        (in_folder / name).parent.mkdir(parents=True, exist_ok=True)
        (in_folder / name).touch()
    with pytest.raises(LeftoverError, match=r"^data/features/gone: .* \(6 such in all\)") as error:
        check_outputs(Path("params.yaml"))
    assert f"`rm -r {shlex.join(gone)}`" in str(error.value)
