"""What is drawn of one model on one part: its classes, which are confused, and its curves; a row a mark."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pyarrow as pa

from stages.scores import aurc
from stages.scores.bootstrap import interval, of_sums, value_of
from stages.scores.confusion import confusion, precision_recall_f1, terms
from stages.scores.detection import FALSE_ACCEPT_RATES, false_reject_rates
from stages.scores.params import Params
from stages.scores.rejection import keyword_classes
from stages.scores.report import DIGITS, group_draws, label_numbers

COVERAGES = np.arange(1, 101) / 100
MEAN = "_mean_"  # of the keywords' curves
RATIOS = [f"{ratio}{end}" for ratio in ("precision", "recall", "f1") for end in ("", "_low", "_high")]
CLASS_COLUMNS = ("label", "n_clips", "n_said", *RATIOS)
CONFUSION_COLUMNS = ("actual", "predicted", "n_clips", "share")
COVERAGE_COLUMNS = ("coverage", "risk", "n_clips")
DETECTION_COLUMNS = ("label", "false_accept_rate", "false_reject_rate", "hit_rate", "n_clips", "n_other_clips")


def class_rows(rows: pa.Table, nats: np.ndarray, classes: Sequence[str], params: Params) -> list[tuple]:
    """Return a row of CLASS_COLUMNS a class, from (n_seeds, n_clips, n_classes): means over seeds; "" where undefined.

    A seed that never says a class has no precision for it, and the mean is of the others. `n_clips` is what recall is
    measured on, `n_said` what precision is, as a mean over seeds.
    """
    groups, counts = group_draws(rows, params)
    each = [terms(label_numbers(rows), one) for one in nats]
    scores = [of_sums(one, precision_recall_f1, groups) for one in each]
    values = _mean_of_numbers([value_of(score, counts.shape[1]) for score in scores])
    resampled = _mean_of_numbers([score(counts) for score in scores])
    _, n_clips, n_said = np.split(np.mean([one.sum(axis=0) for one in each], axis=0), 3)
    table = []
    for number, name in enumerate(classes):
        cells: list[float] = []
        for ratio in range(3):
            alone = counts.shape[1] == 1
            ends = (np.nan,) * 2 if alone else interval(resampled[:, ratio, number], params.confidence)
            cells += [values[ratio, number], *ends]
        table.append((name, int(n_clips[number]), round(float(n_said[number]), 2), *map(_written, cells)))
    return table


def confusion_rows(rows: pa.Table, nats: np.ndarray, classes: Sequence[str]) -> list[tuple]:
    """Return a row of CONFUSION_COLUMNS for each pair of classes: clips over all seeds, and their share of the actual.

    The share is "" where no clip is of the actual class.
    """
    counts = np.sum([confusion(label_numbers(rows), one) for one in nats], axis=0)
    n_actual = counts.sum(axis=1)
    return [
        (actual, said, int(counts[i, j]), _written(counts[i, j] / n_actual[i] if n_actual[i] else np.nan))
        for i, actual in enumerate(classes)
        for j, said in enumerate(classes)
    ]


def coverage_rows(rows: pa.Table, nats: np.ndarray) -> list[tuple]:
    """Return the risk at each of COVERAGES, the mean over seeds, and how many clips are taken."""
    n_taken = np.unique(np.ceil(COVERAGES * rows.num_rows - 1e-9).astype(np.int64))
    risk = np.mean([aurc.risk_at(label_numbers(rows), one, n_taken) for one in nats], axis=0)
    return [(_written(n / rows.num_rows), _written(r), int(n)) for n, r in zip(n_taken, risk, strict=True)]


def detection_rows(rows: pa.Table, nats: np.ndarray, classes: Sequence[str]) -> list[tuple]:
    """Return DETECTION_COLUMNS along FALSE_ACCEPT_RATES for each keyword, the mean over seeds, and for their mean.

    Counts stand beside each: its clips, and all others. A keyword without a clip, or with no other clip beside it, has
    no curve.
    """
    curves: dict[str, tuple[np.ndarray, int | Literal[""]]] = {}
    found = label_numbers(rows)
    for number in keyword_classes(classes):
        if 0 < (n := int((found == number).sum())) < len(found):
            each = [false_reject_rates(found == number, one[:, number], FALSE_ACCEPT_RATES) for one in nats]
            curves[classes[number]] = (np.mean(each, axis=0), n)
    if curves:
        curves[MEAN] = (np.mean([curve for curve, _ in curves.values()], axis=0), "")
    return [
        (name, _written(x), _written(y), _written(1 - y), n, n and len(found) - n)
        for name, (curve, n) in curves.items()
        for x, y in zip(FALSE_ACCEPT_RATES, curve, strict=True)
    ]


def _mean_of_numbers(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """The mean of several arrays where they are numbers, NaN where none is."""
    n = np.sum([~np.isnan(one) for one in arrays], axis=0)
    return np.divide(np.nansum(arrays, axis=0), n, out=np.full(n.shape, np.nan), where=n > 0)


def _written(number: float) -> float | str:
    return "" if np.isnan(number) else round(float(number), DIGITS)
