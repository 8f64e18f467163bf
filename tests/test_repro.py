"""Stages side by side: what has changed is run, and DVC's record is that of one run after the other."""

import shutil
import signal
import sys
from pathlib import Path

import pytest
from conftest import ROOT, environment_in, run
from ruamel.yaml import YAML
from running import WAIT_S, alive, said, started, until

from apps.repro import changed, everything, longest_first, main

YAML_12 = YAML(typ="safe")
DAG = """
stages:
  train:
    foreach: [a, b]
    do:
      cmd: sh train.sh ${item}
      deps:
        - train.sh
      outs:
        - data/models/${item}
  evaluate:
    foreach: [a, b]
    do:
      cmd: mkdir -p data/predictions && cp data/models/${item} data/predictions
      deps:
        - data/models/${item}
      outs:
        - data/predictions/${item}
  summarize: {cmd: cat data/predictions/* > data/scores, deps: [data/predictions], outs: [data/scores]}
"""
TRAIN = """
echo $1 >> began
$WAIT
mkdir -p data/models && echo $1 > data/models/$1
"""
MEET = "sh -c 'until grep -q a began && grep -q b began; do sleep 0.1; done'"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with the stages of models as ours, whose work is done by the shell; the current folder."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "dvc.yaml").write_text(DAG)
    (folder / "train.sh").write_text(TRAIN)
    for name in (".dvcignore", "params.yaml"):
        shutil.copy(ROOT / name, folder)
    run(folder, "git", "init", "--quiet")
    run(folder, "dvc", "init", "--quiet")
    monkeypatch.chdir(folder)
    for name, value in (environment_in(folder) | {"EARMARK_DEVICE": "cpu"}).items():
        monkeypatch.setenv(name, value)
    return folder


def began(folder: Path) -> list[str]:
    """The model of each training, in the order of their begin."""
    path = folder / "began"
    return path.read_text().split() if path.exists() else []


def test_what_has_changed_runs_at_once_and_the_lock_is_that_of_one_after_the_other(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    serial = shutil.copytree(project, tmp_path / "serial")
    run(serial, "dvc", "repro")
    monkeypatch.setenv("WAIT", MEET)  # each waits for the other to begin
    assert everything(["", ""]) == ""
    assert YAML_12.load(project / "dvc.lock") == YAML_12.load(serial / "dvc.lock")
    assert (project / "data/scores").read_text() == "a\nb\n"
    said = capfd.readouterr().out
    assert "train@a: > sh train.sh a\n" in said
    assert "\n> cat data/predictions" in said, "alone, it has the terminal"
    assert changed() == {}

    (project / "data/models/a").unlink()
    (project / "train.sh").write_text(TRAIN + "# another\n")
    assert set(changed()) == {"train@a", "train@b", "evaluate@a", "evaluate@b", "summarize"}
    assert changed()["evaluate@a"] == {"train@a"}


def test_a_stage_that_fails_is_named_and_may_be_run_again(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "train.sh").write_text("test $1 = b || test -e mended || exit 1\n" + TRAIN)
    assert everything(["", ""]).startswith("train@a: failed, see above")
    assert (project / "data/predictions/b").exists()
    assert not (project / "data/scores").exists()
    (project / "mended").touch()
    assert everything(["", ""]) == ""
    assert began(project) == ["b", "a"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_all_that_runs(
    number: signal.Signals, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WAIT", "sleep 300")
    code = "from apps import check, repro; check.main = lambda _: None; repro.main()"
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with started(project, "/bin/sh", sys.executable, "-c", code, "--lanes", "2") as script:
        until(lambda: sum("sleep 300" in command for command in alive(project).values()) == 2, "two trainings")
        script.send_signal(number)
        assert script.wait(WAIT_S) == 1
        assert not alive(project)
        assert "interrupted; the next run goes on where it was" in said(project)


def test_what_dvc_refuses_is_said_in_its_words(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "dvc.yaml").write_text("stages: {train: {}}\n")
    monkeypatch.setattr("apps.check.main", lambda _: None)
    monkeypatch.setattr("sys.argv", ["repro"])
    with pytest.raises(SystemExit, match=r"dvc\.yaml"):
        main()


def test_the_longest_way_to_the_end_comes_first_then_the_most_arithmetic(tmp_path: Path) -> None:
    params = YAML_12.load((ROOT / "params.yaml").read_text())
    names = [f"train@{key}" for key in params["train"]["models"]]
    needs = {"summarize": frozenset(names), **dict.fromkeys(names, frozenset(["rank"])), "rank": frozenset()}
    order = longest_first(needs, ROOT / "params.yaml")
    assert (order[0], *order[-2:]) == ("rank", "train@dnn", "summarize")
    params["train"]["models"]["dnn"].update(seeds=list(range(100)), epochs=10_000)
    YAML_12.dump(params, tmp_path / "params.yaml")
    assert longest_first(needs, tmp_path / "params.yaml")[1] == "train@dnn"
    preset = ROOT / "presets/speech_commands.yaml"
    needs = {"summarize": frozenset(["train@linear", "distill@bcresnet_small"]), "train@linear": frozenset()}
    needs["distill@bcresnet_small"] = frozenset()
    assert longest_first(needs, preset) == ["distill@bcresnet_small", "train@linear", "summarize"]


def test_a_file_that_no_stage_would_take_stops_before_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "params.yaml").write_text("download: {}\n")
    done = run(tmp_path, sys.executable, "-m", "apps.repro", check=False)
    assert done.returncode == 1
    assert "params.yaml: download.source is missing" in done.stderr
