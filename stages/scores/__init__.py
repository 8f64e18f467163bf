"""Scores: labels and log-probabilities -> numbers with intervals.

A score in SCORES is two functions. `terms` gives what each clip adds, (n_clips, n_terms); `value` makes the number of
the sums of those terms. So a score of any set of clips needs only sums, and the bootstrap (bootstrap.py) only sums by
group. Those of order, aurc and auroc, are no sums: their `area` makes a function of how often each clip comes.

Where a model has several seeds, a score is the mean of the seeds' scores; a mean of their probabilities would be the
score of another model, their ensemble.
"""

from types import ModuleType

from stages.scores import accuracy, balanced_accuracy, brier, ece, log_loss, macro_f1

SCORES: dict[str, ModuleType] = {
    "accuracy": accuracy,
    "balanced_accuracy": balanced_accuracy,
    "macro_f1": macro_f1,
    "log_loss_nats": log_loss,
    "brier": brier,
    "ece": ece,
}
