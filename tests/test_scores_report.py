"""Scores and tables of made predictions: their intervals, and what stands where there is no number."""

import numpy as np
import planted_task
import pyarrow as pa
import pytest
from scipy.special import log_softmax
from sklearn import metrics

from stages import evaluate
from stages.scores import pictures, rejection
from stages.scores.report import in_words, scored


def small(
    labels_of: list[int], groups: list[str], n_seeds: int = 1, words: list[str] | None = None
) -> tuple[pa.Table, np.ndarray]:
    """Clips of the planted classes, and log-probabilities that are a little better than chance."""
    names = [planted_task.CLASSES[number] for number in labels_of]
    rows = pa.table({"label_id": labels_of, "label": names, "group": groups, "word": words or names})
    logits = np.random.default_rng(1).normal(size=(len(labels_of), len(planted_task.CLASSES)))
    logits[np.arange(len(labels_of)), labels_of] += 1
    return rows, np.repeat(log_softmax(logits, axis=1)[None], n_seeds, axis=0)


def scores_of(rows: pa.Table, nats: np.ndarray, trained_words: tuple[str, ...] = planted_task.CLASSES) -> dict:
    params = evaluate.Params(**planted_task.EVALUATE)
    return scored(rows, nats, nats, planted_task.CLASSES, range(len(nats)), trained_words, params)


def test_one_speaker_gives_scores_and_no_interval() -> None:
    rows, nats = small([0, 1, 2, 3, 3], ["ann"] * 5)
    scores = scores_of(rows, nats)
    for name in ("accuracy", "ece", "aurc", "auroc_unknown"):
        assert scores[name]["value"] is not None
        assert (scores[name]["low"], scores[name]["high"]) == (None, None)
    assert in_words({"value": 2 / 3, "low": None, "high": None}) == "0.667 [no interval: one group]"
    table = pictures.class_rows(rows, nats, planted_task.CLASSES, evaluate.Params(**planted_task.EVALUATE))
    assert {row[pictures.CLASS_COLUMNS.index("recall_low")] for row in table} == {""}


def test_a_seed_that_comes_twice_changes_no_score() -> None:
    rows, once = small([0, 1, 2, 3, 4] * 6, [f"s{number % 5}" for number in range(30)])
    alone, both = scores_of(rows, once), scores_of(rows, np.repeat(once, 2, axis=0))
    for name, score in alone.items():
        if isinstance(score, dict) and score["value"] is not None:
            assert both[name] == score | {"sd": 0.0, "seed_1": score["seed_0"]}


def test_the_order_of_clips_changes_no_score() -> None:
    rows, nats = small([0, 1, 2, 3, 4] * 6, [f"s{number % 5}" for number in range(30)])
    order = np.random.default_rng(2).permutation(30)
    there, here = scores_of(rows.take(order), nats[:, order]), scores_of(rows, nats)
    for name, score in here.items():
        if isinstance(score, dict) and score["value"] is not None:
            assert there[name] == pytest.approx(score, abs=2e-6), name


def test_words_that_training_lacks_are_told_from_those_it_has() -> None:
    """Clips 0 to 2 are keywords, 3 to 5 unknowns; `cat` is in part train and `dog` is not."""
    words = ["left", "right", "up", "cat", "dog", "dog"]
    rows, nats = small([0, 1, 2, 3, 3, 3], ["a", "b", "c", "a", "b", "c"], words=words)
    scores = scores_of(rows, nats, ("left", "right", "up", "cat"))
    known, unknown = rejection.keyword_score(nats[0], planted_task.CLASSES)[:3], nats[0, 3:, :3].max(axis=1)
    for name, others in (("auroc_unknown", unknown), ("auroc_new_words", unknown[1:])):
        expected = metrics.roc_auc_score([1] * 3 + [0] * len(others), [*known, *others])
        assert scores[name]["value"] == pytest.approx(expected, abs=1e-6)
        assert (scores[name]["n_known"], scores[name]["n_other"]) == (3, len(others))


@pytest.mark.parametrize(
    ("label_ids", "words", "name", "why"),
    [
        ([0, 1], ["left", "right"], "auroc_unknown", "no clip of the part is _unknown_"),
        ([3, 4], ["cat", "_silence_"], "auroc_unknown", "no clip of the part is a keyword"),
        ([0, 3], ["left", "cat"], "auroc_new_words", "each of the 1 words of _unknown_ is in part train too"),
        ([0, 3], ["left", "_unknown_"], "auroc_new_words", "the words of _unknown_ are not told"),
    ],
)
def test_where_no_word_can_be_rejected_the_reason_stands_for_the_number(
    label_ids: list[int], words: list[str], name: str, why: str
) -> None:
    rows, nats = small(label_ids, ["a", "b"], words=words)
    score = scores_of(rows, nats, ("left", "right", "cat"))[name]
    assert (score["value"], score["why"]) == (None, why)


def test_a_class_without_a_clip_leaves_cells_empty_and_has_no_curve() -> None:
    """No clip is `up`; of all others there are six."""
    rows, nats = small([0, 1, 3, 4] * 6, [f"s{number % 4}" for number in range(24)])
    params = evaluate.Params(**planted_task.EVALUATE)
    table = {row[0]: row for row in pictures.class_rows(rows, nats, planted_task.CLASSES, params)}
    recall, n_clips = pictures.CLASS_COLUMNS.index("recall"), pictures.CLASS_COLUMNS.index("n_clips")
    assert (table["up"][n_clips], table["up"][recall]) == (0, "")
    assert table["left"][n_clips] == 6
    shares = [row[3] for row in pictures.confusion_rows(rows, nats, planted_task.CLASSES) if row[0] == "up"]
    assert shares == [""] * 5
    curves = {row[0] for row in pictures.detection_rows(rows, nats, planted_task.CLASSES)}
    assert curves == {"left", "right", pictures.MEAN}
    assert scores_of(rows, nats)["n_classes"] == 4
