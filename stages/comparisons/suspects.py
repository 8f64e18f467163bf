"""Suspicious labels: clips whose label all models together find the least probable.

No model has learned from a clip of part val or test, so what is improbable to all of them is a label that is wrong, a
clip that is damaged, or a word said as nobody else says it (confident learning: Northcutt et al., 2021,
https://arxiv.org/abs/1911.00068). Listening tells which. Each model counts once, as the mean of its seeds.
"""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

DIGITS = 6  # of probabilities as written
COLUMNS = ("clip_id", "part", "label", "label_probability", "predicted", "confidence", "n_models")


def most_suspicious(
    clips: pa.Table, probabilities: Sequence[np.ndarray], classes: Sequence[str], n_listed: int
) -> list[tuple]:
    """Return up to `n_listed` rows of COLUMNS, the least probable label first; probabilities are means over models.

    Parameters
    clips           clip_id, part and label of each clip
    probabilities   of each model: (n_seeds, n_clips, n_classes), 0 to 1
    """
    mean = np.mean([one.mean(axis=0) for one in probabilities], axis=0)
    columns = [clips.column(name).to_pylist() for name in ("clip_id", "part", "label")]
    number = {name: place for place, name in enumerate(classes)}
    of_label = mean[np.arange(len(mean)), [number[label] for label in columns[2]]]
    said, surest = mean.argmax(axis=1), mean.max(axis=1)
    order = sorted(range(len(mean)), key=lambda row: (of_label[row], columns[0][row]))
    return [
        (
            *(column[row] for column in columns),
            round(float(of_label[row]), DIGITS),
            classes[said[row]],
            round(float(surest[row]), DIGITS),
            len(probabilities),
        )
        for row in order[:n_listed]
    ]
