"""Work for workers in tests: items are numbers, or the name of a way to die."""

import ctypes
import os
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from stages.decoders.shard import Shard, decode_shard
from stages.decoders.tally import Tally
from stages.service import At
from stages.workers import Death


@dataclass(frozen=True)
class Deeds:
    """A task of numbers to be squared, among which are deeds."""

    items: Sequence[int | str]
    folder: Path

    def of(self, places: Sequence[int]) -> "Deeds":
        """Return the deeds at `places` alone."""
        return Deeds([self.items[place] for place in places], self.folder)


class Mistake(ValueError):
    """Raised by work that is wrong and not dangerous."""


class Awkward(Exception):
    """Cannot be made again from its words."""

    def __init__(self, one: int, other: int) -> None:
        super().__init__(f"{one} and {other}")


def squares(deeds: Deeds, deaths: Mapping[int, Death], at: At) -> list[int | str]:
    """Return the square of each number, and for each deed in `deaths` why it cannot be done."""
    found: list[int | str] = []
    for place, item in enumerate(deeds.items):
        at(place)
        if place in deaths:
            found.append(deaths[place].reason)
        elif isinstance(item, int):
            found.append(item * item)
        else:
            do(item, deeds)
            found.append("lived")
    return found


def do(deed: str, deeds: Deeds) -> None:
    """Die, mostly."""
    match deed:
        case "crash":
            ctypes.string_at(0)
        case "abort":
            os.write(2, b"malloc(): corrupted top size\n")
            os.abort()
        case "hang":
            while True:
                pass
        case "sleep":
            time.sleep(1000)
        case "eat":
            held = [np.ones(1 << 22) for _ in range(1000)]
            raise Mistake(f"{len(held)} blocks were given")
        case "be killed":
            os.kill(os.getpid(), signal.SIGKILL)
        case "be killed once":
            mark = deeds.folder / "killed"
            if not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
        case "leave":
            os._exit(3)
        case "err awkwardly":
            raise Awkward(1, 2)
        case "say":
            os.write(2, b"out of memory, somewhere else\n")
        case "err":
            raise Mistake("that is wrong")


def memory_for(shard: Shard, deaths: Mapping[int, Death], at: At) -> tuple[int, Tally]:
    """Decode a shard; return the largest memory of this process in MiB, and what became of the shard."""
    tally = decode_shard(shard, deaths, at)
    facts = dict(line.split(":") for line in Path("/proc/self/status").read_text().splitlines())
    return int(facts["VmHWM"].split()[0]) >> 10, tally
