"""Stages side by side: who runs when and where, and that DVC's record is that of one run after the other."""

import asyncio
import shutil
import signal
import sys
from pathlib import Path

import pytest
from conftest import ROOT, environment_in, run
from ruamel.yaml import YAML
from running import WAIT_S, alive, started, until

from apps.repro import Needs, Place, changed, chosen_lanes, everything, longest_first, side_by_side
from stages.executors import SettingError

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


Ran = list[tuple[str, Place]]


def ran(
    takes: dict[str, int], lanes: list[str], needs: Needs | None = None, fails: tuple[str, ...] = ()
) -> tuple[Ran, list[str]]:
    """Who ran where, in the order of their begin, and who failed, where each takes so many turns of the loop."""
    order, busy, done = Ran(), list[str](), set[str]()
    needs = needs or dict.fromkeys(takes, frozenset())

    async def turns(name: str, place: Place) -> int:
        assert needs[name] <= done, f"{name} began before what it needs"
        busy.append(place.gpu)
        assert busy.count(place.gpu) <= lanes.count(place.gpu), f"too many at once on {place.gpu}"
        order.append((name, place))
        for _ in range(takes[name]):
            await asyncio.sleep(0)
        busy.remove(place.gpu)
        if name not in fails:
            done.add(name)
        return int(name in fails)

    failed = asyncio.run(side_by_side(list(takes), needs, lanes, turns))
    assert not busy
    return order, failed


def test_the_next_stage_goes_to_the_first_lane_that_is_free() -> None:
    order, _ = ran({"long": 40, "short": 2, "middle": 4, "last": 1}, ["0", "1"])
    assert [(name, place.gpu) for name, place in order] == [
        ("long", "0"),
        ("short", "1"),
        ("middle", "1"),
        ("last", "1"),
    ]


@pytest.mark.parametrize("n_lanes", [1, 3, 20])
def test_every_stage_runs_once_and_no_lane_has_two_at_a_time(n_lanes: int) -> None:
    takes = {f"model_{i}": 1 + 7 * i % 5 for i in range(12)}
    order, failed = ran(takes, [f"GPU-{i}" for i in range(n_lanes)])
    assert [name for name, _ in order] == list(takes)
    assert len({place.gpu for _, place in order}) == min(n_lanes, 12)
    assert failed == []


def test_a_stage_waits_for_what_it_needs_and_for_nothing_else() -> None:
    needs = {
        "data": frozenset(),
        "slow": frozenset(["data"]),
        "quick": frozenset(["data"]),
        "next": frozenset(["quick"]),
    }
    order, _ = ran({"data": 1, "slow": 9, "quick": 1, "next": 1}, ["0", "1"], needs)
    assert [name for name, _ in order] == ["data", "slow", "quick", "next"]
    assert [place.is_alone for _, place in order] == [True, False, False, False]


def test_cores_are_shared_out_among_those_that_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_WORKERS", "8")
    needs = {"data": frozenset(), "a": frozenset(["data"]), "b": frozenset(["data"]), "end": frozenset(["a", "b"])}
    order, _ = ran(dict.fromkeys(needs, 2), ["0", "0", "1"], needs)
    assert [int(place.environment()["EARMARK_WORKERS"]) for _, place in order] == [8, 4, 4, 8]
    assert int(Place("", 20, False).environment()["EARMARK_WORKERS"]) == 1


def test_after_a_failure_what_needs_it_is_left_out_and_the_rest_goes_on() -> None:
    needs = {name: frozenset(of) for name, of in {"a": "", "b": "", "of_a": "a", "of_b": "b", "of_both": "ab"}.items()}
    order, failed = ran(dict.fromkeys(needs, 2), ["0", "1"], needs, fails=("a",))
    assert [name for name, _ in order] == ["a", "b", "of_b"]
    assert failed == ["a"]


def test_the_longest_way_to_the_end_comes_first_then_the_most_arithmetic(tmp_path: Path) -> None:
    params = YAML_12.load((ROOT / "params.yaml").read_text())
    names = [f"train@{key}" for key in params["train"]["models"]]
    needs = {"summarize": frozenset(names), **dict.fromkeys(names, frozenset(["rank"])), "rank": frozenset()}
    order = longest_first(needs, ROOT / "params.yaml")
    assert (order[0], *order[-2:]) == ("rank", "train@dnn", "summarize")
    params["train"]["models"]["dnn"].update(seeds=list(range(100)), epochs=10_000)
    YAML_12.dump(params, tmp_path / "params.yaml")
    assert longest_first(needs, tmp_path / "params.yaml")[1] == "train@dnn"


def test_a_hole_in_the_list_of_gpus_is_refused() -> None:
    assert chosen_lanes("0, 3", None) == ["0", "3"]
    with pytest.raises(SettingError, match="--gpus: is '0,,1', expected names of GPUs"):
        chosen_lanes("0,,1", None)


def test_without_gpus_there_are_as_many_lanes_as_cores_up_to_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_DEVICE", "cpu")
    for n_cores, n_lanes in (("1", 1), ("2", 2), ("64", 4)):
        monkeypatch.setenv("EARMARK_WORKERS", n_cores)
        assert chosen_lanes(None, None) == [""] * n_lanes
    assert chosen_lanes(None, 7) == [""] * 7


def test_what_has_changed_runs_at_once_and_the_lock_is_that_of_one_after_the_other(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    serial = shutil.copytree(project, tmp_path / "serial")
    run(serial, "dvc", "repro")
    monkeypatch.setenv("WAIT", MEET)  # each waits for the other to begin
    assert asyncio.run(everything(["", ""])) == ""
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
    assert asyncio.run(everything(["", ""])).startswith("train@a: failed, see above")
    assert (project / "data/predictions/b").exists()
    assert not (project / "data/scores").exists()
    (project / "mended").touch()
    assert asyncio.run(everything(["", ""])) == ""
    assert began(project) == ["b", "a"]


def test_an_interrupt_ends_all_that_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAIT", "sleep 300")
    code = "import asyncio; from apps.repro import *; asyncio.run(stage('train@a', Place('', 2, False)))"
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with started(project, "/bin/sh", sys.executable, "-c", code) as script:
        until(lambda: began(project), "a training")
        script.send_signal(signal.SIGINT)
        script.wait(WAIT_S)
        assert not alive(project)


def test_a_gpu_that_is_not_there_is_never_replaced_by_the_cpu() -> None:
    environment = Place("7", 1, True).environment()
    assert (environment["EARMARK_DEVICE"], environment["CUDA_VISIBLE_DEVICES"]) == ("cuda", "7")


def test_a_file_that_no_stage_would_take_stops_before_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    (tmp_path / "params.yaml").write_text("download: {}\n")
    done = run(tmp_path, sys.executable, "-m", "apps.repro", check=False)
    assert done.returncode == 1
    assert "params.yaml: download.source is missing" in done.stderr
