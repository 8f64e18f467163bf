"""`python -m stages.tables` says what every column of every table is, before anything has run."""

import pytest
from conftest import ROOT

from stages.params import names_of
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
