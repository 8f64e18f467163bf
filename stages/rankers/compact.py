"""Information against size: what a linear reader learns about the class from few numbers of few bits.

Five ways to few numbers: the first columns of the selecting order, principal components of all columns, discriminants
(what parts the classes best), log-mel frames with fewer bands and longer hops, and their cepstral coefficients. All are
learned on a fold's training groups, stored at some number of bits, and read on the groups that it leaves out. What a
linear reader learns is a lower bound of what the numbers hold; lower by about a tenth of a bit for discriminants, whose
reader learns from the clips that they were made to part, and is too sure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
from pydantic import Field
from scipy.fft import dct
from scipy.linalg import eigh

from stages.params import Section

Count = Annotated[int, Field(ge=1)]
FLOATS = {32: np.float32, 16: np.float16}
STEPS_SD = {
    8: 0.0308,
    4: 0.3352,
}  # of the uniform quantiser with least square error on a normal variable, as Max (1960)
DB_PER_BEL = 10
TOLERANCE = 1e-6  # of a hop that is as long as the frames'
SHRINKAGE = 0.01  # of the mean variance within classes, added to that of each direction


class Params(Section):
    """Which forms are tried, and what share of the best one's bits the chosen one must keep."""

    n_columns: tuple[Count, ...]
    n_components: tuple[Count, ...]
    frames: str  # family of log-mel bands that keeps its frames
    hops_ms: tuple[Annotated[float, Field(gt=0)], ...]
    n_bands: tuple[Count, ...]
    n_coefficients: tuple[Count, ...]
    number_bits: Annotated[tuple[Literal[32, 16, 8, 4], ...], Field(min_length=1)]
    keep: Annotated[float, Field(gt=0, le=1)]


@dataclass(frozen=True)
class Frames:
    """Log-mel frames of clips: `values` (n_clips, n_frames, n_bands) dB, `hop_s` seconds from one to the next."""

    values: np.ndarray
    hop_s: float


@dataclass(frozen=True)
class Form:
    """A way to store a clip: `kind` is columns, pca, lda, mel or mfcc; `setting` says in words what is stored."""

    kind: str
    setting: str
    n_numbers: int


Encoded = tuple[Form, np.ndarray, np.ndarray]
"""A form, and the numbers of the clips learned from and of those held out: (n_clips, n_numbers) each."""


def of_columns(seen: np.ndarray, unseen: np.ndarray, order: np.ndarray, params: Params) -> Iterator[Encoded]:
    """Yield the first columns of `order`, from standardised columns (n_clips, n_columns)."""
    for n in _possible(params.n_columns, len(order)):
        yield Form("columns", _count(n, "column"), n), seen[:, order[:n]], unseen[:, order[:n]]


def of_directions(
    seen: np.ndarray, unseen: np.ndarray, products: np.ndarray, labels: np.ndarray, params: Params
) -> Iterator[Encoded]:
    """Yield principal components of standardised columns (n_clips, n_columns), then discriminants of the most of them.

    `products` (n_columns, n_columns) is seen' seen. No more discriminants than classes less one, and that many in any
    case.
    """
    sizes = _possible(params.n_components, min(seen.shape))
    if not sizes:
        return
    axes = principal_axes(products, sizes[-1])
    near, far = seen @ axes, unseen @ axes
    for n in sizes:
        yield Form("pca", _count(n, "component"), n), near[:, :n], far[:, :n]
    parting = discriminants(near, labels)
    n_all = parting.shape[1]
    for n in sorted({*_possible(params.n_components, n_all), n_all}):
        yield Form("lda", _count(n, "discriminant"), n), near @ parting[:, :n], far @ parting[:, :n]


def of_frames(frames: Frames, params: Params) -> Iterator[tuple[Form, np.ndarray]]:
    """Yield log-mel and cepstral frames (n_clips, n_numbers) at longer hops, with fewer bands or coefficients.

    Powers, not decibels, are averaged over neighbouring bands and frames, as a wider filter and a longer window do; the
    coefficients are the orthonormal DCT-II of all bands' decibels. Settings finer than the frames are left out.
    """
    powers = 10 ** (frames.values.astype(np.float32) / DB_PER_BEL)
    n_all = powers.shape[2]
    steps = {hop_ms / 1000 / frames.hop_s for hop_ms in params.hops_ms}
    for step in sorted({round(step) for step in steps if step > 1 - TOLERANCE}):
        slower = _mean_of_runs(powers, np.arange(0, powers.shape[1], step), axis=1)
        every = f"every {step * frames.hop_s * 1000:g} ms"
        for n in _possible(params.n_bands, n_all):
            yield _laid_out("mel", f"{n} bands {every}", _mean_of_runs(slower, np.arange(n) * n_all // n, axis=2))
        for n in _possible(params.n_coefficients, n_all):
            yield _laid_out("mfcc", f"{n} coefficients {every}", slower, n)


def principal_axes(products: np.ndarray, n_axes: int) -> np.ndarray:
    """Return the directions of greatest variance: (n_columns, n_axes), greatest first.

    `products` (n_columns, n_columns) is X'X of centred columns X.
    """
    n_columns = len(products)
    _, axes = eigh(products, subset_by_index=[n_columns - n_axes, n_columns - 1], check_finite=False)
    return axes[:, ::-1]


def discriminants(inputs: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return Fisher's linear discriminants of inputs (n_clips, n_inputs), best first: (n_inputs, n_discriminants).

    Directions of greatest variance between classes where that within them is one, as many as there are classes less
    one, at most n_inputs.
    """
    classes, class_of, counts = np.unique(labels, return_inverse=True, return_counts=True)
    sums = np.zeros((len(classes), inputs.shape[1]))
    np.add.at(sums, class_of, inputs)
    means = sums / counts[:, np.newaxis]
    apart = inputs - means[class_of]
    within = apart.T @ apart / len(inputs)
    within[np.diag_indices(len(within))] += SHRINKAGE * np.trace(within) / len(within)
    off = (means - inputs.mean(axis=0)) * np.sqrt(counts / len(inputs))[:, np.newaxis]
    _, directions = eigh(off.T @ off, within, check_finite=False)
    return directions[:, ::-1][:, : len(classes) - 1].astype(np.float32)


def stored(values: np.ndarray, bits: int) -> np.ndarray:
    """Return standardised values as they come back from `bits` bits each, float32.

    Of 8 and 4 bits: the middles of 2^bits steps of equal width around 0; what lies beyond comes back as the last one.
    """
    if bits in FLOATS:
        return values.astype(FLOATS[bits]).astype(np.float32)
    step, half = STEPS_SD[bits], 2 ** (bits - 1)
    return ((np.clip(np.floor(values / step), -half, half - 1) + 0.5) * step).astype(np.float32)


def n_bytes(n_numbers: int, bits: int) -> int:
    """Return the bytes of a clip of `n_numbers` numbers of `bits` bits."""
    return -(-n_numbers * bits // 8)


def _laid_out(
    kind: str, setting: str, powers: np.ndarray, n_coefficients: int | None = None
) -> tuple[Form, np.ndarray]:
    values = DB_PER_BEL * np.log10(powers)
    if n_coefficients is not None:
        values = dct(values, norm="ortho", axis=2)[:, :, :n_coefficients]
    values = values.reshape(len(values), -1)
    return Form(kind, setting, values.shape[1]), values


def _mean_of_runs(values: np.ndarray, starts: np.ndarray, axis: int) -> np.ndarray:
    """Mean over the runs of an axis that begin at `starts`, the last one perhaps shorter."""
    lengths = np.diff(np.append(starts, values.shape[axis])).astype(np.float32)
    shape = [-1 if at == axis else 1 for at in range(values.ndim)]
    return np.add.reduceat(values, starts, axis=axis) / lengths.reshape(shape)


def _possible(sizes: Sequence[int], most: int) -> list[int]:
    return sorted({size for size in sizes if size <= most})


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'s' if n > 1 else ''}"
