"""How far a long piece of work is: a bar on a terminal, else plain lines."""

import sys
import time
from collections.abc import Iterator, Sequence
from threading import Event, Thread
from types import TracebackType
from typing import Self, TextIO, TypeVar

from tqdm import tqdm

LINE_EVERY_S = 10.0
EPOCHS_EVERY_S = 60.0
Item = TypeVar("Item")


def told(items: Sequence[Item], what: str, unit: str, line: int) -> Iterator[Item]:
    """Yield items; a bar on line `line` of the terminal says how many are done, or a plain line once a minute."""
    if sys.stderr.isatty():
        yield from tqdm(items, what, unit=unit, leave=False, position=line)
        return
    said = time.monotonic()
    for n_done, item in enumerate(items):
        if time.monotonic() - said >= EPOCHS_EVERY_S:
            print(f"{what}: {n_done:,} of {len(items):,} {unit}s", file=sys.stderr, flush=True)
            said = time.monotonic()
        yield item


class Progress:
    """Counts what is done of `n_total` things called `unit`; as a context, it says so on stderr every ten seconds."""

    def __init__(self, what: str, n_total: int, unit: str, stream: TextIO | None = None) -> None:
        self._what, self._n_total, self._unit = what, n_total, unit
        self._stream = stream or sys.stderr
        self._n_done = 0
        self._began = time.monotonic()
        self._ended = Event()
        self._bar = None
        if self._stream.isatty():
            self._bar = tqdm(total=n_total, desc=what, unit=f" {unit}", file=self._stream)
        else:
            Thread(target=self._say, daemon=True).start()

    def _say(self) -> None:
        while not self._ended.wait(LINE_EVERY_S):
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
        shown = f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"
        return f"{self._what}: {self._n_done:,} of {self._n_total:,} {self._unit}, {shown} a second{left}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        if self._bar is not None:
            self._bar.close()
