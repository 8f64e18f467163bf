"""How far a long piece of work is: a bar on a terminal, else plain lines."""

import sys
import time
from collections.abc import Iterator
from threading import Event, Thread
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm


class Progress:
    """Counts what is done of `n_total` things called `unit`; as a context, it says so on stderr, a line in `every_s`.

    Of them `n_before` were done before it began. On a terminal it is a bar, on the line `line`; those below the first
    go when they end.
    """

    def __init__(
        self,
        what: str,
        n_total: int,
        unit: str,
        stream: TextIO | None = None,
        every_s: float = 10.0,
        line: int = 0,
        n_before: int = 0,
    ) -> None:
        self._what, self._n_total, self._unit, self._every_s = what, n_total, unit, every_s
        self._stream = stream or sys.stderr
        self._n_done = self._n_before = n_before
        self._began = time.monotonic()
        self._ended = Event()
        self._bar = None
        if self._stream.isatty():
            self._bar = tqdm(
                desc=what,
                total=n_total,
                initial=n_before,
                unit=f" {unit}",
                file=self._stream,
                position=line,
                leave=None,
            )
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
        rate = (self._n_done - self._n_before) / seconds
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


def told(what: str, n_epochs: int, line: int, first: int) -> Iterator[int]:
    """Yield the epochs from `first` on; a bar on line `line` of the terminal tells of them, or a line once a minute."""
    with Progress(what, n_epochs, "epochs", every_s=60.0, line=line, n_before=first) as progress:
        for epoch in range(first, n_epochs):
            yield epoch
            progress.add(1)
