"""A band-limited function between its whole places: in quarters of a place, and its peak.

Between places the function is the sum of its fourteen nearest values times sinc under a Kaiser window: off by less than
1e-4 up to half of the band. The peak is that of the parabola through the highest quarter and its neighbours.
"""

import numpy as np
from numba import njit

STEPS = 4  # of a place
HALF = 7  # values used on either side
KAISER = 8.0  # shape of the window over them
N_STEPS = 2 * STEPS + 1  # from one place before to one after


def step_weights() -> np.ndarray:
    """Return the weights of the values at 1 - HALF..HALF for places 0, 1/4, 1/2, 3/4: (STEPS, 2 * HALF) float64."""
    distance = np.arange(STEPS)[:, None] / STEPS - (np.arange(2 * HALF) - HALF + 1)
    return np.sinc(distance) * np.i0(KAISER * np.sqrt(1 - (distance / HALF) ** 2)) / np.i0(KAISER)


@njit(nogil=True, cache=True)
def fill_steps(values: np.ndarray, weights: np.ndarray, steps: np.ndarray) -> None:
    """Fill `steps` (N_STEPS,) with the function from place HALF - 1 to HALF + 1; takes values up to 2 HALF."""
    for step in range(N_STEPS):
        whole, part = divmod(step, STEPS)
        if part == 0:
            steps[step] = values[HALF - 1 + whole]
            continue
        total = 0.0
        for n in range(2 * HALF):
            total += weights[part, n] * values[whole + n]
        steps[step] = total


@njit(nogil=True, cache=True)
def peak(steps: np.ndarray) -> tuple[float, float]:
    """Return the place of the peak within -1..1 around the middle, and its height."""
    best = np.argmax(steps)
    if best in (0, N_STEPS - 1):
        return best / STEPS - 1.0, steps[best]
    slope = 0.5 * (steps[best + 1] - steps[best - 1])
    curvature = steps[best + 1] + steps[best - 1] - 2.0 * steps[best]
    if curvature >= 0.0:
        return best / STEPS - 1.0, steps[best]
    return (best - slope / curvature) / STEPS - 1.0, steps[best] - 0.5 * slope * slope / curvature
