"""Rejection: whether keywords can be told from other words by how probable the likeliest keyword is.

A clip's score is its largest probability of a class that is a keyword, so an unknown word is rejected well where the
model says `_unknown_` and where it is torn between keywords. Two areas under the ROC curve (auroc.py): keywords against
all clips of `_unknown_`, and against those of them whose word no clip of part train says, in any class.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from stages.tables.labels import SILENCE, UNKNOWN


@dataclass(frozen=True)
class Contest:
    """Keywords against clips to be rejected; `why_not` says why there is no such score, "" where there is."""

    is_known: np.ndarray  # (n,) bool
    is_other: np.ndarray  # (n,) bool
    why_not: str


def keyword_classes(classes: Sequence[str]) -> np.ndarray:
    """Return the numbers of the classes that are keywords."""
    return np.flatnonzero([name not in (UNKNOWN, SILENCE) for name in classes])


def keyword_score(log_probabilities: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Return (n,) log-probability in nats of the likeliest keyword."""
    return log_probabilities[:, keyword_classes(classes)].max(axis=1)


def contests(labels: np.ndarray, words: np.ndarray, trained_words: Collection[str]) -> dict[str, Contest]:
    """Return the two contests by the name of their score.

    Parameters
    labels          (n,) name of the true class
    words           (n,) what is said; `_unknown_` where the source does not tell
    trained_words   all that part train says
    """
    is_known, is_unknown = ~np.isin(labels, (UNKNOWN, SILENCE)), labels == UNKNOWN
    is_named = is_unknown & (words != UNKNOWN)
    is_new = is_named & ~np.isin(words, list(trained_words))
    nothing = "" if is_known.any() else "no clip of the part is a keyword"
    no_unknown = nothing or ("" if is_unknown.any() else f"no clip of the part is {UNKNOWN}")
    n_words = len(np.unique(words[is_named]))
    seen = f"each of the {n_words} words of {UNKNOWN} is in part train too"
    no_new = no_unknown or ("" if is_new.any() else seen if n_words else f"the words of {UNKNOWN} are not told")
    return {
        "auroc_unknown": Contest(is_known, is_unknown, no_unknown),
        "auroc_new_words": Contest(is_known, is_new, no_new),
    }
