"""`python -m stages.tables` says what every column of every table is, before anything has run."""

from pathlib import Path

import pytest
from conftest import ROOT

from stages.params import ParamsError, names_of
from stages.tables import TABLES
from stages.tables.__main__ import main, tables


@pytest.fixture
def from_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


@pytest.mark.usefixtures("from_root")
def test_every_column_of_every_table_stands_there_with_its_meaning(capsys: pytest.CaptureFixture) -> None:
    main([])
    printed = capsys.readouterr().out.splitlines()
    all_tables = list(tables(ROOT / "params.yaml"))
    assert len(all_tables) == len(TABLES) + len(names_of("extract.families", ROOT / "params.yaml"))
    told: dict[str, list[str]] = {}
    for line in printed:
        told.setdefault(next(iter(line.split()), ""), []).append(line)
    for name, what, schema in all_tables:
        assert f"{name}: {what}" in printed
        assert what
        for field in schema:
            meaning = field.metadata[b"meaning"].decode()
            assert any(line.endswith(meaning) for line in told[field.name]), field.name


@pytest.mark.usefixtures("from_root")
def test_a_table_can_be_asked_for_by_name_and_an_unknown_one_is_named(capsys: pytest.CaptureFixture) -> None:
    main(["features/mel"])
    printed = capsys.readouterr().out
    assert "mel_band_07_mean_db" in printed
    assert "halffloat (51 x 40)" in printed
    assert "clip_id, " not in printed
    with pytest.raises(SystemExit):
        main(["features/mle"])
    assert "'features/mle' is no table, expected one of clips, " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "to", "message"),
    [
        ("\ndecode:", "\ndecod:", "params.yaml: decode is missing, did you mean 'decod'"),
        (
            "sample_rate_hz: 16000",
            "sample_rate_hz: 0",
            "params.yaml: decode.sample_rate_hz is 0, expected greater than 0",
        ),
        ("    spectral:\n", "    spectrl:\n", "params.yaml: extract.families.spectrl is unknown, expected one of mel"),
        ("    n_mels: 40", "    n_mels: 40.5", "params.yaml: extract.families.mel.n_mels is 40.5, expected"),
        ("download:", "{download:", "params.yaml: is not YAML 1.2"),
    ],
)
def test_params_that_say_no_table_are_named_without_a_traceback(in_folder: Path, change, to, message) -> None:
    text = (ROOT / "params.yaml").read_text()
    assert change in text
    (in_folder / "params.yaml").write_text(text.replace(change, to, 1))
    with pytest.raises(ParamsError) as error:
        main([])
    assert message in str(error.value)
