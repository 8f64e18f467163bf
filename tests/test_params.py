"""params.yaml is refused by name where it is wrong."""

from pathlib import Path

import pytest
from decoding import PARAMS as DECODE
from dvc.utils.serialize import YAMLFileCorruptedError, load_yaml

from stages import decode
from stages.params import ParamsError, Section, names_of, read_section, read_yaml


class Inner(Section):
    hop_s: float
    names: tuple[str, ...]


class Outer(Section):
    n_mels: int
    keep_frames: bool
    inner: Inner


GOOD = "mel: {n_mels: 40, keep_frames: true, inner: {hop_s: 1e-2, names: [yes, no, on, off]}}\n"


def read(folder: Path, text: str, key: str = "mel") -> Outer:
    (folder / "params.yaml").write_text(text)
    return read_section(key, Outer, folder / "params.yaml")


def test_words_that_yaml_1_1_takes_for_booleans_are_words_and_1e_2_is_a_number(tmp_path: Path) -> None:
    params = read(tmp_path, GOOD)
    assert params.inner.names == ("yes", "no", "on", "off")
    assert params.inner.hop_s == 0.01


def test_params_are_frozen(tmp_path: Path) -> None:
    params = read(tmp_path, GOOD)
    with pytest.raises(ValueError, match="frozen"):
        params.n_mels = 2


@pytest.mark.parametrize(
    ("change", "to", "words"),
    [
        ("n_mels", "n_mel", ["mel.n_mel is not a known key, did you mean 'n_mels'", "mel.n_mels is missing"]),
        ("hop_s", "hops", ["mel.inner.hops is not a known key, did you mean 'hop_s'"]),
        ("40", '"40"', ["mel.n_mels is '40', expected", "integer"]),
        ("40", "40.5", ["mel.n_mels is 40.5, expected", "integer"]),
        ("true", "1", ["mel.keep_frames is 1, expected", "boolean"]),
        ("[yes, no, on, off]", "yes", ["mel.inner.names is 'yes', expected", "tuple"]),
        ("mel:", "mels:", ["mel is missing, did you mean 'mels'", "presets/"]),
    ],
)
def test_a_wrong_key_is_named_with_its_value_and_the_nearest_known_one(
    tmp_path: Path, change: str, to: str, words: list[str]
) -> None:
    with pytest.raises(ParamsError) as error:
        read(tmp_path, GOOD.replace(change, to))
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize("rates", ["[192000, 4000]", "[999, 192000]", "[4000, 384001]"])
def test_rates_in_the_wrong_order_or_beyond_all_sound_are_refused(tmp_path: Path, rates: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text((DECODE % (1.0, 1.0)).replace("[4000, 192000]", rates))
    with pytest.raises(ParamsError) as error:
        read_section("decode", decode.Params, path)
    shown = rates.replace("[", "(").replace("]", ")")
    assert str(error.value) == (
        f"{path}: decode.rates_hz is {shown}, expected [low, high] with 1000 <= low <= high <= 384000, got {rates}"
    )


def test_a_missing_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match="presets/"):
        read_section("mel", Outer, tmp_path / "params.yaml")


def test_a_file_that_is_no_yaml_is_named(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"params\.yaml: is not YAML"):
        read(tmp_path, "mel: [1,\nother: }")


@pytest.mark.parametrize(
    "text",
    ["a: {url: s3://b/k}", 'a: {url: "s3://b/k"}', "a: [12:30]", "a:\t1", "a: 010", "a: on", "a: .5", "a: 1\na: 2"],
)
def test_what_dvc_reads_is_read_likewise_and_what_it_refuses_is_refused(text: str, tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(text)
    try:
        theirs = load_yaml(path)
    except YAMLFileCorruptedError:
        with pytest.raises(ParamsError, match=r"params\.yaml: is not YAML 1\.2: (?s:.*)line 1"):
            read_yaml(path)
    else:
        assert read_yaml(path) == theirs


def test_names_come_in_the_order_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text("extract: {families: {mel: 1, chroma: 2, level: 3}}")
    assert names_of("extract.families", tmp_path / "params.yaml") == ("mel", "chroma", "level")
