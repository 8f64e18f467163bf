"""A stage run in this process, on the CPU."""

import sys
from types import ModuleType

import pytest


def run(stage: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", ["stage", *arguments])
    monkeypatch.setenv("EARMARK_DEVICE", "cpu")
    stage.main()
