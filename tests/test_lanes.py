"""Lanes: which stage runs when and where."""

import asyncio
import re

import pytest

from apps.lanes import Needs, Place, chosen_lanes, side_by_side
from stages.executors import SettingError

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


def test_families_share_the_workers_and_no_training_waits_for_a_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_WORKERS", "5")
    order, _ = ran({f"extract@{i}": 1 for i in range(7)}, ["", ""])
    assert [place.n_workers for _, place in order] == [2, 2, 2, 2, 2, 2, 5]
    order, _ = ran({"extract@a": 1, "rank": 1, **{f"train@{i}": 1 for i in range(20)}}, ["", "", "", ""])
    assert [place.n_workers for _, place in order] == [1] + [5] * 21
    assert Place("", 2, False).environment()["EARMARK_WORKERS"] == "2"


def test_after_a_failure_what_needs_it_is_left_out_and_the_rest_goes_on() -> None:
    needs = {name: frozenset(of) for name, of in {"a": "", "b": "", "of_a": "a", "of_b": "b", "of_both": "ab"}.items()}
    order, failed = ran(dict.fromkeys(needs, 2), ["0", "1"], needs, fails=("a",))
    assert [name for name, _ in order] == ["a", "b", "of_b"]
    assert failed == ["a"]


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    for name in ("EARMARK_DEVICE", "EARMARK_DEVICES", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("EARMARK_WORKERS", "16")
    return monkeypatch


def test_gpus_that_are_named_have_a_lane_each_and_few_that_are_found_more(unset: pytest.MonkeyPatch) -> None:
    assert chosen_lanes("0, 3, 3", None) == ["0", "3", "3"]
    unset.setattr("torch.cuda.is_available", lambda: True)
    for n_gpus, names in ((1, "0000"), (2, "0101"), (6, "012345")):
        unset.setattr("torch.cuda.device_count", lambda n_gpus=n_gpus: n_gpus)
        assert chosen_lanes(None, None) == list(names)
    unset.setenv("CUDA_VISIBLE_DEVICES", "GPU-a,GPU-b")
    assert chosen_lanes(None, None) == ["GPU-a", "GPU-b"] * 2
    assert chosen_lanes(None, 3) == [""] * 3


@pytest.mark.parametrize(
    ("gpus", "settings", "message"),
    [
        ("0,,1", {}, "--gpus: is '0,,1', expected names of GPUs"),
        ("0", {"EARMARK_DEVICE": "cpu"}, "EARMARK_DEVICE is 'cpu', expected cuda or none"),
        (None, {"EARMARK_DEVICE": "cuda:1"}, "EARMARK_DEVICE is 'cuda:1', expected cuda or none"),
        ("0,1", {"EARMARK_DEVICES": "2"}, "EARMARK_DEVICES is set, expected 1"),
        (None, {"EARMARK_DEVICE": "cuda"}, "--gpus: is '', expected names of GPUs"),
    ],
)
def test_lanes_that_cannot_be_are_refused(
    gpus: str | None, settings: dict[str, str], message: str, unset: pytest.MonkeyPatch
) -> None:
    for name, value in settings.items():
        unset.setenv(name, value)
    with pytest.raises(SettingError, match=re.escape(message)):
        chosen_lanes(gpus, None)


def test_without_gpus_there_are_as_many_lanes_as_cores_up_to_four(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EARMARK_DEVICE", "cpu")
    for n_cores, n_lanes in (("1", 1), ("2", 2), ("64", 4)):
        monkeypatch.setenv("EARMARK_WORKERS", n_cores)
        assert chosen_lanes(None, None) == [""] * n_lanes
    assert chosen_lanes(None, 7) == [""] * 7


def test_a_lane_says_aloud_where_its_stages_run(unset: pytest.MonkeyPatch) -> None:
    """So a GPU that is not there is never replaced by the CPU, and no lane on the CPU takes a GPU."""
    environment = Place("7", 1, True).environment()
    assert (environment["EARMARK_DEVICE"], environment["CUDA_VISIBLE_DEVICES"]) == ("cuda", "7")
    assert Place("", 1, True).environment()["EARMARK_DEVICE"] == "cpu"
