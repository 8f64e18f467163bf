"""Models side by side: who runs when and where, and that DVC's record is that of one run after the other."""

import asyncio
import shutil
import signal
import sys
from pathlib import Path

import pytest
from conftest import ROOT, environment_in, run
from ruamel.yaml import YAML
from running import WAIT_S, alive, started, until

from apps.side_by_side import chosen_gpus, everything, longest_first, model, side_by_side

YAML_12 = YAML(typ="safe")
DAG = """
stages:
  train:
    foreach: [a, b]
    do:
      cmd: sh train.sh ${item}
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
echo "$1 $CUDA_VISIBLE_DEVICES" >> began
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
    (folder / ".dvcignore").write_text((ROOT / ".dvcignore").read_text())
    run(folder, "git", "init", "--quiet")
    run(folder, "dvc", "init", "--quiet")
    monkeypatch.chdir(folder)
    for name, value in (environment_in(folder) | {"EARMARK_DEVICE": "cpu"}).items():
        monkeypatch.setenv(name, value)
    return folder


def began(folder: Path) -> list[list[str]]:
    """Model and GPU of each training, in the order of their begin."""
    path = folder / "began"
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


def ran(takes: dict[str, int], gpus: list[str], fails: tuple[str, ...] = ()) -> tuple[list[tuple[str, str]], list[str]]:
    """Who ran where, in the order of their begin, and who failed, where each takes so many turns of the loop."""
    order, busy = [], set()

    async def turns(key: str, gpu: str) -> int:
        assert gpu not in busy, f"two at once on {gpu}"
        busy.add(gpu)
        order.append((key, gpu))
        for _ in range(takes[key]):
            await asyncio.sleep(0)
        busy.remove(gpu)
        return int(key in fails)

    failed = asyncio.run(side_by_side(list(takes), gpus, turns))
    assert not busy
    return order, failed


def test_the_next_model_goes_to_the_first_gpu_that_is_free() -> None:
    order, _ = ran({"long": 9, "short": 2, "middle": 4, "last": 1}, ["0", "1"])
    assert order == [("long", "0"), ("short", "1"), ("middle", "1"), ("last", "1")]


@pytest.mark.parametrize("n_gpus", [1, 3, 20])
def test_every_model_runs_once_and_no_gpu_has_two_at_a_time(n_gpus: int) -> None:
    takes = {f"model_{i}": 1 + 7 * i % 5 for i in range(12)}
    order, failed = ran(takes, [f"GPU-{i}" for i in range(n_gpus)])
    assert [key for key, _ in order] == list(takes)
    assert len({gpu for _, gpu in order}) == min(n_gpus, 12)
    assert failed == []


def test_a_model_that_fails_is_named_and_the_others_go_on() -> None:
    order, failed = ran({"a": 3, "b": 1, "c": 1, "d": 1}, ["0", "1"], fails=("b", "d"))
    assert len(order) == 4
    assert failed == ["b", "d"]


def test_the_most_arithmetic_comes_first_and_epochs_and_seeds_count(tmp_path: Path) -> None:
    params = YAML_12.load((ROOT / "params.yaml").read_text())
    assert longest_first(ROOT / "params.yaml")[-1] == "dnn"
    params["train"]["models"]["dnn"].update(seeds=list(range(100)), epochs=10_000)
    YAML_12.dump(params, tmp_path / "params.yaml")
    assert longest_first(tmp_path / "params.yaml")[0] == "dnn"


def test_a_hole_in_the_list_of_gpus_is_refused() -> None:
    assert chosen_gpus("0, 3") == ["0", "3"]
    with pytest.raises(SystemExit, match="--gpus: is '0,,1', expected names of GPUs"):
        chosen_gpus("0,,1")


def test_two_models_run_at_once_and_the_lock_is_that_of_one_after_the_other(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    serial = shutil.copytree(project, tmp_path / "serial")
    run(serial, "dvc", "repro")
    monkeypatch.setenv("WAIT", MEET)  # each waits for the other to begin
    assert asyncio.run(side_by_side(["b", "a"], ["0", "1"], model)) == []
    run(project, "dvc", "repro")
    assert YAML_12.load(project / "dvc.lock") == YAML_12.load(serial / "dvc.lock")
    assert sorted(began(project)) == [["a", "1"], ["b", "0"]]
    assert "a: > sh train.sh a\n" in capfd.readouterr().out


def test_an_interrupt_ends_all_that_runs(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WAIT", "sleep 300")
    code = "import asyncio; from apps.side_by_side import model; asyncio.run(model('a', '0'))"
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with started(project, "/bin/sh", sys.executable, "-c", code) as script:
        until(lambda: began(project), "a training")
        script.send_signal(signal.SIGINT)
        script.wait(WAIT_S)
        assert not alive(project)


@pytest.mark.parametrize(("fails", "words", "n_calls"), [("rank", "before the first model", 1), ("", "", 4)])
def test_the_rest_of_the_dag_runs_around_the_models(
    fails: str, words: str, n_calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = replaced(monkeypatch, fails)
    assert words in asyncio.run(everything(["a", "b"], ["0"]))
    assert len(calls) == n_calls
    assert calls[0] == ["rank"]


def test_after_a_failure_it_is_named_and_nothing_trains_again(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = replaced(monkeypatch, "train@a")
    assert asyncio.run(everything(["a", "b"], ["0"])).startswith("a: failed (1 of 2 models)")
    assert [] not in calls
    assert ["--single-item", "train@b", "evaluate@b"] in calls


def replaced(monkeypatch: pytest.MonkeyPatch, fails: str) -> list[list[str]]:
    """What `dvc repro` is called with, which is not run and fails with `fails` among it."""
    calls: list[list[str]] = []

    async def repro(arguments: list[str], environment: object, title: str = "") -> int:
        calls.append(arguments)
        return int(fails in arguments)

    monkeypatch.setattr("apps.side_by_side.repro", repro)
    return calls


def test_a_gpu_that_is_not_there_is_never_replaced_by_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, str]] = []

    async def repro(arguments: list[str], environment: dict[str, str], title: str) -> int:
        seen.append(environment)
        return 0

    monkeypatch.setattr("apps.side_by_side.repro", repro)
    monkeypatch.delenv("EARMARK_DEVICE", raising=False)
    asyncio.run(model("a", "7"))
    assert (seen[0]["EARMARK_DEVICE"], seen[0]["CUDA_VISIBLE_DEVICES"]) == ("cuda", "7")
