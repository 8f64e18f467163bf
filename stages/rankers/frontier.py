"""Which forms of a clip tell most for their size: the Pareto front of bits against bytes, and the point to take."""

from collections.abc import Sequence

import numpy as np

from stages.rankers.compact import n_bytes
from stages.rankers.findings import bounded, share
from stages.rankers.folds import interval
from stages.rankers.heldout import Verdict
from stages.rankers.study import Study

FORM_HEADER = (
    *("kind", "setting", "n_numbers", "number_bits", "bytes"),
    *("information_bits", "information_bits_low", "information_bits_high"),
    *("accuracy", "accuracy_low", "accuracy_high", "on_front", "chosen"),
)


def form_rows(study: Study, verdicts: Sequence[Verdict]) -> list[list[object]]:
    """Return the rows of FORM_HEADER, smallest first; only forms that every fold could make."""
    params, confidence = study.params.compact, study.params.confidence
    shared = [form for form in verdicts[0].forms if all(form in verdict.forms for verdict in verdicts)]
    measured = []
    for form in shared:
        bounds = interval(np.stack([verdict.forms[form] for verdict in verdicts]), confidence)
        for at, bits in enumerate(params.number_bits):
            known, correct = ([bound[at, of] for bound in bounds] for of in (0, 1))
            measured.append((n_bytes(form.n_numbers, bits), form, bits, bounded(*known), share(*correct)))
    measured.sort(key=lambda each: (each[0], -each[3]["value"]))
    values = [told["value"] for _, _, _, told, _ in measured]
    front, best = on_front(values), chosen(values, params.keep)
    rows: list[list[object]] = []
    for at, (size, form, bits, told, right) in enumerate(measured):
        marks = ["yes" if is_so else "no" for is_so in (front[at], at == best)]
        rows.append([form.kind, form.setting, form.n_numbers, bits, size, *told.values(), *right.values(), *marks])
    return rows


def on_front(values: Sequence[float]) -> list[bool]:
    """Return whether each value is greater than all before it; they come by size, of one size the best first."""
    best, front = -np.inf, []
    for value in values:
        front.append(value > best)
        best = max(best, value)
    return front


def chosen(values: Sequence[float], keep: float) -> int:
    """Return the first place, in the order of size, whose value is at least `keep` of the greatest."""
    return int(np.argmax(np.asarray(values) >= keep * max(values)))
