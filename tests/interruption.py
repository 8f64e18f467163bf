"""Training that ends by Ctrl-C in the middle, for those tests that let it go on."""

from collections.abc import Callable

import pytest

from stages.models import checkpoint, fitting


def interrupted(monkeypatch: pytest.MonkeyPatch, after: int, learn: Callable[[pytest.MonkeyPatch], object]) -> None:
    """Let what `learn` trains end by Ctrl-C after some epochs, with a checkpoint of each."""
    whole, calls = fitting.loss_and_accuracy, []

    def counted(*arguments: object) -> tuple[float, float]:
        calls.append(1)
        if len(calls) > after:
            raise KeyboardInterrupt
        return whole(*arguments)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(checkpoint, "EVERY_S", 0.0)
        patched.setattr(fitting, "loss_and_accuracy", counted)
        with pytest.raises(KeyboardInterrupt):
            learn(patched)
