"""Running medians of any odd width, many columns at once, without a comparison that branches.

Neighbouring windows share most of their values. A block of `n` windows is cut in halves again and again, and what the
windows of a part have in common is kept in order, from it only those that may still be a median: n candidates for n
windows. Halving a part brings each half `n / 2` values that only its own windows share; they are put in order, merged
with the candidates, and the middle n / 2 stay, until one window is left with one. The idea of sharing sorted values is
that of Adams, "Fast median filters using separable sorting networks" (ACM Trans. Graphics 40, 2021); orders come from
odd-even merges (Batcher, 1968), of which everything is left out that no median depends on.

For a width of 31 this takes 21 comparisons a median, on vectors of columns: medians are exact, and equal bit for bit
whatever stands beside a column.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np
from numba import njit, uint64

MOST_COLUMNS = 256  # at once: so the rows at work, 61 for a width of 31, stay in the cache
VECTOR = 16  # float32 in the widest registers
# Lets minimum and maximum be one instruction each; values are finite, and without negative zeros.
FINITE = {"nnan", "ninf", "nsz"}


@dataclass(frozen=True)
class Network:
    """What to compare for the medians of `n_windows` neighbouring windows of `width` rows.

    exchanges (n, 4) uint64: rows a and b, and the rows that their minimum and their maximum go to. The first
    `width + n_windows - 1` rows hold the values, and `results` (n_windows,) uint64 are the rows of medians at the end.
    """

    width: int
    exchanges: np.ndarray
    results: np.ndarray
    n_rows: int


Exchange = tuple[int, int, int, int]  # values a and b, their minimum and their maximum


class _Comparisons:
    """Values by number: `n_values` given ones, then two for each exchange."""

    def __init__(self, n_values: int) -> None:
        self.n_values = n_values
        self.exchanges: list[Exchange] = []

    def exchanged(self, a: int, b: int) -> tuple[int, int]:
        low, high = self.n_values, self.n_values + 1
        self.n_values += 2
        self.exchanges.append((a, b, low, high))
        return low, high

    def merged(self, first: Sequence[int], second: Sequence[int]) -> list[int]:
        """Return two ordered lists as one: even and odd places are merged apart, then neighbours exchanged."""
        if not first or not second:
            return [*first, *second]
        if len(first) == len(second) == 1:
            return list(self.exchanged(first[0], second[0]))
        even = self.merged(first[::2], second[::2])
        odd = self.merged(first[1::2], second[1::2])
        order = even[:1]
        for a, b in zip_longest(odd, even[1:]):
            order += [a if b is None else b] if a is None or b is None else self.exchanged(a, b)
        return order

    def ordered(self, values: Sequence[int]) -> list[int]:
        half = len(values) // 2
        return list(values) if half == 0 else self.merged(self.ordered(values[:half]), self.ordered(values[half:]))

    def medians(self, candidates: Sequence[int], first: int, width: int) -> list[int]:
        """Return the medians of windows from `first` on, as many as candidates; window p begins at value p."""
        n_windows = len(candidates)
        if n_windows == 1:
            return list(candidates)
        half = n_windows // 2
        own = range(first + half - 1, first + n_windows - 1), range(first + width, first + width + half)
        found = []
        for start, values in zip((first, first + half), own, strict=True):
            middle = self.merged(candidates, self.ordered(values))[half : 2 * half]
            found += self.medians(middle, start, width)
        return found


def network(width: int) -> Network:
    """Return the network of an odd width."""
    middle = width // 2
    n_windows = 1 << ((middle + 1).bit_length() - 1)  # more could not be medians of as many candidates
    n_given = width + n_windows - 1
    comparisons = _Comparisons(n_given)
    shared = comparisons.ordered(range(n_windows - 1, width))
    medians = comparisons.medians(shared[middle - n_windows + 1 : middle + 1], 0, width)
    return _in_rows(width, n_given, _needed(comparisons.exchanges, medians), medians)


def _needed(exchanges: Sequence[Exchange], medians: Sequence[int]) -> list[Exchange]:
    """Return the exchanges of which a median depends on at least one result."""
    needed = set(medians)
    kept = []
    for exchange in reversed(exchanges):
        if needed.intersection(exchange[2:]):
            kept.append(exchange)
            needed.update(exchange[:2])
    return kept[::-1]


def _in_rows(width: int, n_given: int, exchanges: Sequence[Exchange], medians: Sequence[int]) -> Network:
    """Return the network with a row for each value, given to another once the value is used up.

    An exchange never writes to the rows it reads: where they might be the same, the compiler writes no vectors.
    """
    last_use = {value: place for place, exchange in enumerate(exchanges) for value in exchange[:2]}
    last_use |= dict.fromkeys(medians, len(exchanges))
    row_of = {value: value for value in range(n_given)}
    n_rows, free, rows = n_given, list[int](), []
    for place, exchange in enumerate(exchanges):
        for value in exchange[2:]:
            if not free:
                free, n_rows = [n_rows], n_rows + 1
            row_of[value] = free.pop()
        rows.append([row_of[value] for value in exchange])
        used_up = [value for value in exchange if last_use.get(value, place) == place]
        free += [row_of[value] for value in used_up]
    results = np.array([row_of[value] for value in medians], np.uint64)
    return Network(width, np.array(rows, np.uint64).reshape(-1, 4), results, n_rows)


def running_medians(values: np.ndarray, of: Network) -> np.ndarray:
    """Return the median of the `of.width` rows around each row: (n, n_columns) float32, as `values`.

    Beyond the first and the last row the rows are mirrored, each edge twice: c b a | a b c ("reflect" in scipy).
    """
    out = np.empty(values.shape, np.float32)
    _fill(values, of.width, of.exchanges, of.results, of.n_rows, out)
    return out


@njit(nogil=True, cache=True)
def _fill(
    values: np.ndarray, width: int, exchanges: np.ndarray, results: np.ndarray, n_rows: int, out: np.ndarray
) -> None:
    n, n_columns = values.shape
    n_windows = len(results)
    n_parts = -(-n_columns // MOST_COLUMNS)
    n_at_once = -(-n_columns // (n_parts * VECTOR)) * VECTOR
    # One flat array and unsigned places: numba then neither counts references to rows nor looks for negative indices,
    # which takes longer than the comparisons do. Columns beyond the last are computed for nothing.
    work = np.zeros(n_rows * n_at_once, np.float32)
    stride = uint64(n_at_once)
    for column in range(0, n_columns, n_at_once):
        n_here = uint64(min(n_at_once, n_columns - column))
        for first in range(0, n, n_windows):
            for place in range(width + n_windows - 1):
                source = (first + place - width // 2) % (2 * n)
                source = min(source, 2 * n - 1 - source)
                for k in range(n_here):
                    work[uint64(place) * stride + k] = values[uint64(source), uint64(column) + k]
            _exchange(work, exchanges, stride)
            for place in range(min(n_windows, n - first)):
                result = results[place] * stride
                for k in range(n_here):
                    out[uint64(first + place), uint64(column) + k] = work[result + k]


@njit(nogil=True, cache=True, fastmath=FINITE)
def _exchange(work: np.ndarray, exchanges: np.ndarray, stride: int) -> None:
    """Put the minimum and the maximum of two rows into two others, for each of the exchanges in turn."""
    for place in range(len(exchanges)):
        a, b = exchanges[place, 0] * stride, exchanges[place, 1] * stride
        low, high = exchanges[place, 2] * stride, exchanges[place, 3] * stride
        for k in range(stride):
            work[low + k] = min(work[a + k], work[b + k])
            work[high + k] = max(work[a + k], work[b + k])
