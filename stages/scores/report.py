"""All scores of one model on one part: means over seeds, their spread, and intervals."""

from collections.abc import Callable, Collection, Sequence
from functools import partial

import numpy as np
import pyarrow as pa

from stages.scores import SCORES, aurc, auroc, ece
from stages.scores.bootstrap import Score, draws, interval, of_clips, of_sums, value_of
from stages.scores.params import Params
from stages.scores.rejection import Contest, contests, keyword_score

DIGITS = 6  # of scores as written; the last bits of a sum say nothing
CALIBRATED = ("log_loss_nats", "brier", "ece")  # what a temperature changes: given before it as well
UNCALIBRATED = "_uncalibrated"


def label_numbers(rows: pa.Table) -> np.ndarray:
    """Return the number of the true class of each row of labels: (n,) int64."""
    return rows.column("label_id").to_numpy().astype(np.int64)


def group_draws(rows: pa.Table, params: Params) -> tuple[np.ndarray, np.ndarray]:
    """Return the group of each clip, (n,), and how often each group comes in each resample, (n_bootstrap, n_groups)."""
    groups = rows.column("group").to_numpy()
    return groups, draws(len(np.unique(groups)), params.n_bootstrap, np.random.default_rng([params.seed]))


def over_seeds(values: Sequence[float], seeds: Sequence[int]) -> dict:
    """Return the mean of the seeds' values, their standard deviation where there are several, and each one's own."""
    spread = {"sd": round(float(np.std(values, ddof=1)), DIGITS)} if len(values) > 1 else {}
    own = {f"seed_{seed}": round(value, DIGITS) for seed, value in zip(seeds, values, strict=True)}
    return {"value": round(float(np.mean(values)), DIGITS), **spread, **own}


def entry(scores: Sequence[Score], seeds: Sequence[int], counts: np.ndarray, confidence: float) -> dict:
    """Return what the metrics say of a score, one function a seed: value, its interval `low` to `high`, and seeds.

    Each resample is scored with every seed's model, and the interval is of the mean over seeds. One group alone says
    nothing about others: the ends are None then.
    """
    n_groups = counts.shape[1]
    ends = interval(np.mean([score(counts) for score in scores], axis=0), confidence) if n_groups > 1 else (np.nan,) * 2
    low, high = (None if np.isnan(end) else round(end, DIGITS) for end in ends)
    told = over_seeds([float(value_of(score, n_groups)) for score in scores], seeds)
    return {"value": told.pop("value"), "low": low, "high": high, **told}


def in_words(score: dict) -> str:
    """Return a score and its interval as people read them."""
    if score["low"] is None:
        return f"{score['value']:.3f} [no interval: one group]"
    return f"{score['value']:.3f} [{score['low']:.3f}, {score['high']:.3f}]"


def scored(
    rows: pa.Table,
    before: np.ndarray,
    after: np.ndarray,
    classes: Sequence[str],
    seeds: Sequence[int],
    trained_words: Collection[str],
    params: Params,
) -> dict:
    """Return every score of one part.

    Parameters
    rows            labels of the part's clips
    before, after   (n_seeds, n_clips, n_classes) nats, without and with the temperature
    trained_words   words of part train
    """
    label_ids = label_numbers(rows)
    groups, counts = group_draws(rows, params)
    written = partial(entry, seeds=seeds, counts=counts, confidence=params.confidence)
    result: dict = {"n_clips": rows.num_rows, "n_groups": counts.shape[1], "n_classes": len(np.unique(label_ids))}
    for name, score in SCORES.items():
        made = partial(score.terms, n_bins=params.n_ece_bins) if name == "ece" else score.terms
        result[name] = written([of_sums(made(label_ids, one), score.value, groups) for one in after])
        if name in CALIBRATED:
            raw = [of_sums(made(label_ids, one), score.value, groups) for one in before]
            result[name + UNCALIBRATED] = written(raw)
    by_chance = [ece.by_chance(one, params.n_ece_bins) for one in after]
    result["ece"]["by_chance"] = round(float(np.mean(by_chance)), DIGITS)
    result["aurc"] = written([of_clips(aurc.area(label_ids, one), groups) for one in after])
    names, words = rows.column("label").to_numpy(), rows.column("word").to_numpy()
    for name, contest in contests(names, words, trained_words).items():
        if contest.why_not:
            result[name] = {"value": None, "low": None, "high": None, "why": contest.why_not}
        else:
            result[name] = written([of_clips(_rejection(contest, one, classes), groups) for one in after])
        result[name] |= {"n_known": int(contest.is_known.sum()), "n_other": int(contest.is_other.sum())}
    return result


def _rejection(
    contest: Contest, log_probabilities: np.ndarray, classes: Sequence[str]
) -> Callable[[np.ndarray], np.ndarray]:
    """The area under the ROC of a contest, as a function of how often each clip of the part comes."""
    kept = contest.is_known | contest.is_other
    area = auroc.area(contest.is_known[kept], keyword_score(log_probabilities[kept], classes))
    return lambda weights: area(weights[kept])
