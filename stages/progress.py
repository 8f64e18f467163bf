"""How far a long piece of work is: a bar on a terminal, else a plain line every ten seconds."""

import sys
import time
from types import TracebackType
from typing import Self, TextIO

from tqdm import tqdm

LINE_EVERY_S = 10.0


class Progress:
    """Counts what is done of `n_total` things called `unit`; as a context, it says so on stderr."""

    def __init__(self, what: str, n_total: int, unit: str, stream: TextIO | None = None) -> None:
        self._what, self._n_total, self._unit = what, n_total, unit
        self._stream = stream or sys.stderr
        self._n_done = 0
        self._began = self._said = time.monotonic()
        on_terminal = self._stream.isatty()
        self._bar = tqdm(total=n_total, desc=what, unit=f" {unit}", file=self._stream) if on_terminal else None

    def add(self, n: int) -> None:
        """Count `n` more as done."""
        self._n_done += n
        if self._bar is not None:
            self._bar.update(n)
        elif time.monotonic() - self._said >= LINE_EVERY_S:
            self._said = time.monotonic()
            print(self.line(self._said - self._began), file=self._stream, flush=True)

    def line(self, seconds: float) -> str:
        """Return what is done after `seconds`, how fast, and how long the rest takes."""
        rate = self._n_done / seconds
        left = f", {(self._n_total - self._n_done) / rate:,.0f} s left" if rate else ""
        return f"{self._what}: {self._n_done:,} of {self._n_total:,} {self._unit}, {rate:,.0f} a second{left}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()
