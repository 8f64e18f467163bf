"""One model of the task in the current folder trained in this process, on the CPU."""

import sys

import pytest

from stages import train


def run(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    monkeypatch.setattr(sys, "argv", ["train", key])
    monkeypatch.setenv("EARMARK_DEVICE", "cpu")
    train.main()
