"""Lanes: which stage runs when and where, and with how many cores."""

import asyncio
from pathlib import Path

import pytest
from conftest import ROOT
from ruamel.yaml import YAML

from apps.repro import Needs, Place, chosen_lanes, longest_first, side_by_side
from stages.executors import SettingError

YAML_12 = YAML(typ="safe")
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
    preset = ROOT / "presets/speech_commands.yaml"
    needs = {"summarize": frozenset(["train@linear", "distill@bcresnet_small"]), "train@linear": frozenset()}
    needs["distill@bcresnet_small"] = frozenset()
    assert longest_first(needs, preset) == ["distill@bcresnet_small", "train@linear", "summarize"]


def test_a_hole_in_the_list_of_gpus_is_refused() -> None:
    assert chosen_lanes("0, 3", None) == ["0", "3"]
    with pytest.raises(SettingError, match="--gpus: is '0,,1', expected names of GPUs"):
        chosen_lanes("0,,1", None)


def test_without_gpus_there_is_a_lane_more_than_cores_up_to_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_DEVICE", "cpu")
    for n_cores, n_lanes in (("1", 2), ("2", 3), ("64", 4)):
        monkeypatch.setenv("EARMARK_WORKERS", n_cores)
        assert chosen_lanes(None, None) == [""] * n_lanes
    assert chosen_lanes(None, 7) == [""] * 7


def test_a_gpu_that_is_not_there_is_never_replaced_by_the_cpu() -> None:
    environment = Place("7", True).environment()
    assert (environment["EARMARK_DEVICE"], environment["CUDA_VISIBLE_DEVICES"]) == ("cuda", "7")
