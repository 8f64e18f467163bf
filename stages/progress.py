"""How far a long piece of work is: a bar on a terminal, else plain lines."""

import sys
import time
from collections.abc import Iterator, Sequence
from threading import Event, Thread
from types import TracebackType
from typing import Self, TextIO, TypeVar

from tqdm import tqdm

Item = TypeVar("Item")


class Progress:
    """Counts what is done of `n_total` things called `unit`; as a context, it says so on stderr, a line in `every_s`.

    On a terminal it is a bar, on the line `line`; those below the first go when they end.
    """

    def __init__(
        self,
        what: str,
        n_total: int,
        unit: str,
        stream: TextIO | None = None,
        every_s: float = 10.0,
        line: int = 0,
    ) -> None:
        self._what, self._n_total, self._unit, self._every_s = what, n_total, unit, every_s
        self._stream = stream or sys.stderr
        self._n_done = 0
        self._began = time.monotonic()
        self._ended = Event()
        self._bar = None
        if self._stream.isatty():
            self._bar = tqdm(total=n_total, desc=what, unit=f" {unit}", file=self._stream, position=line, leave=None)
        else:
            Thread(target=self._say, daemon=True).start()

    def _say(self) -> None:
        while not self._ended.wait(self._every_s):
            print(self.line(time.monotonic() - self._began), file=self._stream, flush=True)

    def add(self, n: int) -> None:
        """Count `n` more as done."""
        self._n_done += n
        if self._bar is not None:
            self._bar.update(n)

    def line(self, seconds: float) -> str:
        """Return what is done after `seconds`, how fast, and how long the rest takes."""
        rate = self._n_done / seconds
        left = f", {(self._n_total - self._n_done) / rate:,.0f} s left" if rate else ""
        shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.2g}"
        return f"{self._what}: {self._n_done:,} of {self._n_total:,} {self._unit}, {shown} a second{left}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._bar is not None:
            self._bar.close()


def told(items: Sequence[Item], what: str, unit: str, line: int) -> Iterator[Item]:
    """Yield items; a bar on line `line` of the terminal says how many are done, or a plain line once a minute."""
    with Progress(what, len(items), unit, every_s=60.0, line=line) as progress:
        for item in items:
            yield item
            progress.add(1)
