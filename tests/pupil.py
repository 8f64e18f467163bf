"""A student on the planted task, taught by dnn unless it is said otherwise."""

from pathlib import Path

import numpy as np
import planted_task
import pytest
from in_process import run
from safetensors.numpy import load_file

from stages import distill

TEACHING = {"teachers": ["dnn"], "teacher_share": 0.5, "temperature": 2.0}


def sections(student: str = "cnn", **changed: object) -> dict:
    """The sections of params.yaml with one student, `pupil`: as the model `student`, with some of it changed."""
    content = planted_task.sections()
    content["distill"] = {"pupil": {**content["train"]["models"][student], **TEACHING, **changed}}
    return content


def learned(monkeypatch: pytest.MonkeyPatch, content: dict) -> dict[str, np.ndarray]:
    """Train the student and return its weights."""
    planted_task.write_params(Path(), content)
    run(distill, monkeypatch, "pupil")
    return load_file("data/students/pupil/seed-1.safetensors")
