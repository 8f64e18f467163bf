"""What lets a model cheat: copies, parts that sound apart, formats that tell the class.

Numbers without a verdict. Every class counts as much as any other in them, so that a part with more silence does not
look softer for that alone. `sound` and `joined` as in stages/facts.py.
"""

from itertools import combinations

import numpy as np
import pyarrow as pa

from stages.facts import DIGITS, Row, Sound
from stages.tables.labels import PARTS


def leaks(joined: pa.Table, sound: Sound) -> dict[str, object]:
    """Return all that this module measures."""
    n_classes = int(sound.label.max()) + 1
    return {
        "copies": copies(joined),
        "between_parts": between_parts(sound),
        "class_told_by_format": class_told_by_format(sound, n_classes),
    }


def copies(joined: pa.Table) -> Row:
    """Return how many recordings there are, and how many repeat another of them byte for byte.

    `n_of_two_labels` counts those whose bytes stand under another class too: one of the two must be wrong.
    """
    of_bytes = [("source_path", "count_distinct"), ("label", "count_distinct")]
    contents = joined.group_by("sha256").aggregate(of_bytes)
    n_same, n_labels = (contents.column(f"{name}_{how}").to_numpy() for name, how in of_bytes)
    return {
        "n_recordings": int(n_same.sum()),
        "n_copies": int(n_same.sum() - len(n_same)),
        "n_of_two_labels": int(n_same[n_labels > 1].sum()),
    }


def between_parts(sound: Sound) -> dict[str, Row]:
    """Return, for each two parts, what tells them apart.

    `louder`: how often a clip of the first is louder than one of the second; .5 where nothing tells them apart.
    `other_format`: the share of the first's clips that would need another format to look like the second; chance alone
    gives some, more the fewer clips there are.
    """
    weights = class_weights(sound)
    found: dict[str, Row] = {}
    for one, other in combinations(range(len(PARTS)), 2):
        a, b = sound.part == one, sound.part == other
        if a.any() and b.any():
            shares = [np.bincount(sound.format[m], weights[m], sound.format.max() + 1) for m in (a, b)]
            found[f"{PARTS[one]}_{PARTS[other]}"] = {
                "louder": round(_louder(sound.rms_dbfs[a], weights[a], sound.rms_dbfs[b], weights[b]), DIGITS),
                "other_format": round(float(np.abs(shares[0] - shares[1]).sum()) / 2, DIGITS),
                f"n_{PARTS[one]}": int(a.sum()),
                f"n_{PARTS[other]}": int(b.sum()),
            }
    return found


def class_weights(sound: Sound) -> np.ndarray:
    """Return a weight for each clip: within a part all sum to 1, and every class to as much as any other."""
    _, cell, n_cell = np.unique(np.stack((sound.part, sound.label), 1), axis=0, return_inverse=True, return_counts=True)
    weights = 1.0 / n_cell[cell.reshape(-1)]
    return weights / np.bincount(sound.part, weights)[sound.part]


def _louder(a: np.ndarray, a_weights: np.ndarray, b: np.ndarray, b_weights: np.ndarray) -> float:
    order = np.argsort(b)
    below = np.append(0.0, np.cumsum(b_weights[order]))
    places = [below[np.searchsorted(b[order], a, side)] for side in ("left", "right")]
    return float(a_weights @ (places[0] + places[1])) / 2


def class_told_by_format(sound: Sound, n_classes: int) -> Row:
    """Return how well the class is guessed from the format alone: learned on train, mean recall on test."""
    weights = class_weights(sound)
    train, test = (sound.part == PARTS.index(name) for name in ("train", "test"))
    seen = np.zeros((sound.format.max() + 1, n_classes))
    np.add.at(seen, (sound.format[train], sound.label[train]), weights[train])
    guess = np.where(seen.any(axis=1), seen.argmax(axis=1), -1)[sound.format]
    right = float(weights[test & (guess == sound.label)].sum())
    return {"recall": round(right, DIGITS), "chance": round(1 / n_classes, DIGITS), "n_clips": int(test.sum())}
