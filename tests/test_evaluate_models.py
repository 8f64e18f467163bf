"""evaluate: a model of any kind scores as it did in training, and one that is not trained is named."""

from pathlib import Path

import planted_task
import pytest
from in_process import run

from stages import evaluate, train
from stages.files import read_json
from stages.tables.parquet import TableError


@pytest.mark.parametrize("key", planted_task.SIZES)
def test_weights_read_back_score_as_they_did_in_training(
    key: str, in_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    planted_task.write_task(in_folder)
    content = planted_task.sections()
    content["train"]["models"][key]["epochs"] = 1
    planted_task.write_params(in_folder, content)
    for stage in (train, evaluate):
        run(stage, monkeypatch, key)
    trained, scores = read_json(Path(f"metrics/train/{key}.json")), read_json(Path(f"metrics/evaluate/{key}.json"))
    loss = scores["val"]["log_loss_nats_uncalibrated"]["value"]
    assert loss == pytest.approx(trained["seed_1"]["val_loss_nats"], abs=1e-5)


def test_a_model_that_is_not_trained_is_named(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    planted_task.write_task(in_folder)
    with pytest.raises(TableError, match=r"data/models/dnn/model\.json: is missing; run `dvc repro`"):
        run(evaluate, monkeypatch, "dnn")
