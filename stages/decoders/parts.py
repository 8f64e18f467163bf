"""Rows of clips -> Parquet files, a group of rows at a time, so that memory does not grow with their number."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa

from stages.tables import clips
from stages.tables.parquet import ROWS_PER_PART, entry_of, writing

GROUP_BYTES = 4_096_000  # of sound in a group of rows: stays in the cache; four times as much takes a tenth longer


class Parts:
    """The files of one shard: `part-<number>`, and where they are many `part-<number>-1` and so on.

    As a context: files get their real names where the block ends well, and all but the finished ones are gone where it
    does not.
    """

    def __init__(self, folder: Path, number: int, sample_rate_hz: int, n_clip: int) -> None:
        self.entries: list[dict[str, object]] = []
        self._folder, self._number = folder, number
        self._schema = clips.with_shape(sample_rate_hz, n_clip)
        self._samples = np.zeros((max(GROUP_BYTES // (2 * n_clip), 1), n_clip), "<i2")
        self._rows: list[Sequence[object]] = []
        self._n_written = 0  # rows of the open file
        self._open = ExitStack()

    def add(self, row: Sequence[object], sound: np.ndarray) -> None:
        """Take a row in the order of the table's columns without samples, and its sound (n,) int16, to be padded."""
        samples = self._samples[len(self._rows)]
        samples[: len(sound)] = sound
        samples[len(sound) :] = 0
        self._rows.append(row)
        if len(self._rows) == len(self._samples):
            self._flush()

    def _flush(self) -> None:
        if not self._rows:
            return
        if self._n_written == 0:
            name = f"part-{self._number:05d}" + (f"-{len(self.entries)}" if self.entries else "") + ".parquet"
            self._path = self._folder / name
            self._writer = self._open.enter_context(writing(self._path, self._schema, clips.TABLE))
        columns = [
            pa.array(column, field.type)
            for column, field in zip(zip(*self._rows, strict=True), self._schema, strict=False)  # samples follow below
        ]
        kind = self._schema.field("samples").type
        n_rows = len(self._rows)
        columns.append(pa.FixedSizeBinaryArray.from_buffers(kind, n_rows, [None, pa.py_buffer(self._samples)]))
        self._writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=self._schema))
        self._rows = []
        self._n_written += n_rows
        if self._n_written >= ROWS_PER_PART:
            self._close()

    def _close(self) -> None:
        if self._n_written:
            self._open.close()
            self.entries.append(entry_of(self._path, self._n_written))
            self._n_written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            with self._open:  # which takes the file away where its last rows find no room
                self._flush()
                self._close()
        else:
            self._open.__exit__(kind, error, trace)
