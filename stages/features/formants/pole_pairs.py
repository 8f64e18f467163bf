"""A polynomial of even degree with real coefficients as a product of quadratics z^2 + b z + c, its pairs of roots.

All quadratics are improved at once, as Weierstrass's (Durand and Kerner's) method does with single roots: with P the
polynomial and Q_i the product of the other quadratics, q_i becomes q_i + P / Q_i modulo q_i. The arithmetic stays real,
a pair may turn from conjugate to real, and once near it doubles its digits each round. In 2 % of the frames of speech
it comes to no end, mostly where two distant real roots have to meet in one quadratic; then it begins again from the
next of a fixed list of starts, with that pair of roots already in its place.

Frames are independent of each other. LANES of them are improved side by side; when one is done the next takes its lane.
The compiler may not reorder or contract these sums: a start that wanders would end elsewhere by the last bit.
"""

import numpy as np
from numba import njit

from stages.features.lpc import LANES

LARGEST_DEGREE = 20  # up to here no more frames are lost than said below; of degree 30 it is one in a hundred
LARGEST_STEP = 1e-7  # the last step; the error left is about its square
ROUNDS = 25  # of each start
N_STARTS = 48
START_RADIUS = 0.95
GOLDEN_RATIO = 0.6180339887
N_HALVINGS = 12  # of the interval around a real root
IDLE = -1


def start_quadratics(degree: int) -> np.ndarray:
    """Return b and c to begin with: (N_STARTS, 2, degree // 2).

    The first start has pairs of roots evenly spaced on a circle, the others uneven ones.
    """
    starts = np.empty((N_STARTS, 2, degree // 2))
    places = np.arange(degree // 2)
    for number, start in enumerate(starts):
        uneven = (places + 1) * number * GOLDEN_RATIO % 1.0
        angles = np.pi * (places + 0.5 + 0.5 * (uneven - 0.5) * (number > 0)) / len(places)
        radii = START_RADIUS - 0.3 * uneven
        start[:] = -2 * radii * np.cos(angles), radii**2
    return starts


def quadratics(coefficients: np.ndarray, frames: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return b and c of the factors of z^p + a_1 z^(p-1) + ... + a_p: (n_frames, 2, p // 2) float64.

    `coefficients` (n_groups, p, LANES) hold a_1 to a_p of frame t in group t // LANES, of a stable filter: all roots
    lie within the unit circle. Factors are found for the frames that are listed in `frames`; they are NaN for the
    others, and where none of the `starts` came to an end, as of one frame of speech in a million.
    """
    degree = coefficients.shape[1]
    out = np.full((coefficients.shape[0] * LANES, 2, degree // 2), np.nan)
    _fill(coefficients, frames, starts, (0,) * degree, out)
    return out


@njit(nogil=True, cache=True)
def _fill(
    coefficients: np.ndarray, frames: np.ndarray, starts: np.ndarray, degree_zeros: tuple[int, ...], out: np.ndarray
) -> None:
    """Fill `out` for `frames`; a lane whose frame is done takes the next one, and idles where there is none."""
    n_pairs = starts.shape[2]
    a, factors = np.zeros((2 * n_pairs, LANES)), np.zeros((2 * n_pairs, LANES))
    steps, last_step = np.empty((2, LANES)), np.empty(LANES)
    frame_of, start_of, round_of = np.full(LANES, IDLE), np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    n_taken = min(LANES, len(frames))
    n_working = n_taken
    for lane in range(n_taken):
        frame_of[lane] = frames[lane]
        _take(coefficients, frames[lane], starts[0], lane, a, factors)
    while n_working > 0:
        _improve(a, factors, degree_zeros, steps, last_step)
        for lane in range(LANES):
            round_of[lane] += 1
            found = last_step[lane] < LARGEST_STEP
            if frame_of[lane] == IDLE or not (found or round_of[lane] == ROUNDS):
                continue
            round_of[lane] = 0
            start_of[lane] += 1
            if not found and start_of[lane] < len(starts):
                _begin_again(starts[start_of[lane]], lane, a, factors)
                continue
            for pair in range(n_pairs if found else 0):
                out[frame_of[lane], 0, pair] = factors[pair, lane]
                out[frame_of[lane], 1, pair] = factors[n_pairs + pair, lane]
            frame_of[lane], start_of[lane] = IDLE, 0
            n_working -= 1
            if n_taken < len(frames):
                frame_of[lane] = frames[n_taken]
                _take(coefficients, frames[n_taken], starts[0], lane, a, factors)
                n_taken += 1
                n_working += 1


@njit(nogil=True, cache=True)
def _take(
    coefficients: np.ndarray, frame: int, start: np.ndarray, lane: int, a: np.ndarray, factors: np.ndarray
) -> None:
    """Put a frame's polynomial and the first start into a lane."""
    group, place = frame // LANES, frame % LANES
    for k in range(len(a)):
        a[k, lane] = coefficients[group, k, place]
    _begin(start, lane, factors)


@njit(nogil=True, cache=True)
def _begin(start: np.ndarray, lane: int, factors: np.ndarray) -> None:
    """Put a start into a lane."""
    n_pairs = start.shape[1]
    for pair in range(n_pairs):
        factors[pair, lane], factors[n_pairs + pair, lane] = start[0, pair], start[1, pair]


@njit(nogil=True, cache=True)
def _begin_again(start: np.ndarray, lane: int, a: np.ndarray, factors: np.ndarray) -> None:
    """Put another start into a lane, and a pair of real roots on either side of 0 where there is one.

    The polynomial is positive at -1 and 1. So where it is negative at 0 a real root lies between, on either side.
    """
    n_pairs = start.shape[1]
    _begin(start, lane, factors)
    if a[2 * n_pairs - 1, lane] < 0.0:
        left, right = _real_root(-1.0, lane, a), _real_root(1.0, lane, a)
        factors[0, lane], factors[n_pairs, lane] = -(left + right), left * right


@njit(nogil=True, cache=True)
def _real_root(end: float, lane: int, a: np.ndarray) -> float:
    """Return a real root between 0, where the polynomial is negative, and `end`, where it is positive."""
    negative, positive = 0.0, end
    for _ in range(N_HALVINGS):
        z, value = 0.5 * (negative + positive), 1.0
        for k in range(len(a)):
            value = value * z + a[k, lane]
        negative, positive = (z, positive) if value < 0.0 else (negative, z)
    return 0.5 * (negative + positive)


@njit(nogil=True, cache=True, error_model="numpy")
def _improve(
    a: np.ndarray, factors: np.ndarray, degree_zeros: tuple[int, ...], steps: np.ndarray, last_step: np.ndarray
) -> None:
    """Improve each quadratic in turn, in all lanes; `last_step` (LANES,) becomes the sum of all changes.

    `a` (degree, LANES); `factors` (degree, LANES), all b before all c. The length of a tuple is known when the kernel
    is compiled: so the loops over it are unrolled, and the one over lanes becomes the innermost, in vectors.
    """
    degree = len(degree_zeros)
    n_pairs = degree // 2
    last_step[:] = 0.0
    for i in range(n_pairs):
        for lane in range(LANES):
            b, c = factors[i, lane], factors[n_pairs + i, lane]
            # The polynomial modulo z^2 + b z + c is quotient z + rest.
            before, quotient = 1.0, a[0, lane] - b
            for k in range(1, degree - 1):
                before, quotient = quotient, a[k, lane] - b * quotient - c * before
            rest = a[degree - 1, lane] - c * before
            # The product of the other quadratics, modulo the same, is u z + v.
            u, v = 0.0, 1.0
            for j in range(n_pairs):
                slope = factors[j, lane] - b if j != i else 0.0
                constant = factors[n_pairs + j, lane] - c if j != i else 1.0
                u, v = u * constant + (v - b * u) * slope, v * constant - c * u * slope
            # Their ratio, by (u z + v) (v - b u - u z) = v (v - b u) + c u^2.
            scale = 1.0 / (v * (v - b * u) + c * u * u)
            steps[0, lane] = (quotient * v - rest * u) * scale
            steps[1, lane] = (rest * (v - b * u) + c * quotient * u) * scale
        for row in range(2):
            for lane in range(LANES):
                factors[row * n_pairs + i, lane] += steps[row, lane]
            for lane in range(LANES):
                last_step[lane] += abs(steps[row, lane])
