"""Ranges that numbers are drawn from, evenly: two numbers in params.yaml, low and high."""

from typing import Annotated

import numpy as np
from pydantic import AfterValidator


def _ordered(bounds: tuple[float, float]) -> tuple[float, float]:
    if not bounds[0] <= bounds[1]:
        raise ValueError(f"[low, high] with low <= high, got {list(bounds)}")
    return bounds


def within(low: float, high: float) -> AfterValidator:
    """Return a check that a range lies in low..high."""

    def check(bounds: tuple[float, float]) -> tuple[float, float]:
        if not low <= bounds[0] <= bounds[1] <= high:
            raise ValueError(f"[low, high] with {low:g} <= low <= high <= {high:g}, got {list(bounds)}")
        return bounds

    return AfterValidator(check)


Range = Annotated[tuple[float, float], AfterValidator(_ordered)]


def drawn(bounds: tuple[float, float], rng: np.random.Generator) -> float:
    """Return a number from the range, all equally likely."""
    return float(rng.uniform(*bounds))
