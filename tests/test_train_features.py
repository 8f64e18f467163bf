"""What a model may read: statistic columns of all families, of some, or those that the ranking chose."""

import sys
from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
import pytest
from sharding import write_shards

from stages import evaluate, train
from stages.files import read_json
from stages.params import ParamsError
from stages.tables import features
from stages.tables.inputs import read_inputs
from stages.tables.parquet import TableError, column

FAMILIES = {"level": 2, "mfcc": 3}


def write_statistics(folder: Path, clip_ids: list[str], values: dict[str, np.ndarray]) -> None:
    """Write data/features/<family> of statistic columns alone, in two shards."""
    for family, own in values.items():
        fields = [column(f"{family}_{at:02d}_mean", pa.float32(), "dB", "made") for at in range(own.shape[1])]
        table = features.table(family, fields, None, features.metadata(16_000, 0.05, 0.05, [], (), ()))
        stored = features.rows(table, pa.chunked_array([clip_ids]), own, np.zeros(0))
        half = len(clip_ids) // 2
        write_shards(folder / "data/features" / family, [stored[:half], stored[half:]], table)


@pytest.fixture
def task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Write a task whose classes the columns of family level tell, by clip_id rising, and return all columns."""
    monkeypatch.chdir(tmp_path)
    rows = planted_task.write_task(tmp_path)
    random, label_ids = np.random.default_rng(3), rows.column("label_id").to_numpy()
    values = {name: random.standard_normal((rows.num_rows, n)).astype(np.float32) for name, n in FAMILIES.items()}
    values["level"] += 4 * np.stack([np.cos(label_ids), np.sin(label_ids)], axis=1)
    order = random.permutation(rows.num_rows)
    clip_ids = rows.column("clip_id").take(order).to_pylist()
    write_statistics(tmp_path, clip_ids, {name: own[order] for name, own in values.items()})
    return values


def run(monkeypatch: pytest.MonkeyPatch, **changed: object) -> dict:
    """Train and evaluate the model dnn with some of its section changed; return its card."""
    content = planted_task.sections()
    content["train"]["models"]["dnn"].update(changed)
    planted_task.write_params(Path(), content)
    for stage in (train, evaluate):
        monkeypatch.setattr(sys, "argv", [stage.__name__, "dnn"])
        stage.main()
    return read_json(Path("data/models/dnn/model.json"))


def accuracy() -> float:
    return read_json(Path("metrics/evaluate/dnn.json"))["test"]["accuracy"]["value"]


@pytest.mark.parametrize("families", [["level"], ["mfcc", "level"], "all"])
def test_a_model_reads_the_columns_of_the_families_it_names(
    task: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch, families: object
) -> None:
    # Family mel, which the task keeps as frames, has no columns.
    card = run(monkeypatch, input="features", families=families)
    expected = ["level", "mel", "mfcc"] if families == "all" else families
    assert card["families"] == expected
    assert card["dims"] == [f"{name}_{at:02d}_mean" for name in expected for at in range(FAMILIES.get(name, 0))]
    assert accuracy() > 0.8


def test_columns_that_tell_nothing_give_chance_and_selected_ones_are_read_without_a_family(
    task: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    run(monkeypatch, input="features", families=["mfcc"])
    assert accuracy() < 0.4
    assert run(monkeypatch)["families"] == []


def test_columns_come_clip_by_clip_in_the_order_asked_for(task: dict[str, np.ndarray]) -> None:
    clip_ids = planted_task.label_rows().column("clip_id").to_pylist()
    found = read_inputs(Path("data/features"), clip_ids[5:9][::-1], ["mfcc", "level"])
    assert np.array_equal(found.values, np.concatenate([task["mfcc"], task["level"]], axis=1)[5:9][::-1])


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"input": "features", "families": ["level", "levle"]}, r"families: 'levle' is unknown, .* level, mel, mfcc"),
        ({"input": "features"}, r"dnn\.families is missing; expected `all` or some families, each once"),
        ({"input": "features", "families": []}, r"families is \(\), input 'features'; expected `all` or some"),
        ({"families": "all"}, r"families is 'all', input 'selected\.parquet'; expected .* alone"),
        ({"input": "features", "families": ["level", "level"]}, r"expected `all` or some families, each once"),
        ({"input": "features/mel", "families": ["mel"]}, r"input 'features/mel'; expected .* alone"),
        ({"input": "features", "families": "most"}, r"dnn\.families.* is 'most', expected"),
    ],
)
def test_an_unknown_family_or_one_beside_another_input_is_refused(
    task: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch, changed: dict, message: str
) -> None:
    with pytest.raises(ParamsError, match=message):
        run(monkeypatch, **changed)


def test_a_clip_that_one_family_lacks_is_named(task: dict[str, np.ndarray]) -> None:
    with pytest.raises(TableError, match=r"data/features/mfcc: clip_id absent is missing, and 0 more of 1"):
        read_inputs(Path("data/features"), ["absent"], ["mfcc"])
