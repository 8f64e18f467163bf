"""Scores: labels and log-probabilities -> numbers with intervals.

A score is two functions. `terms` gives what each clip adds, (n_clips, n_terms); `value` makes the number of the sums of
those terms. So a score of any set of clips needs only sums, and the bootstrap (bootstrap.py) only sums by group.
"""

from types import ModuleType

from stages.scores import accuracy, ece, log_loss, macro_f1

SCORES: dict[str, ModuleType] = {"accuracy": accuracy, "macro_f1": macro_f1, "log_loss_nats": log_loss, "ece": ece}
