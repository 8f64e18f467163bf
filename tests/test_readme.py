"""What the README and the lock file say is what the committed code did."""

import csv
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT

from apps.models import networks
from stages.features import FAMILIES
from stages.files import read_json
from stages.models.footprint import footprint

README = (ROOT / "README.md").read_text()
SCORES = read_json(ROOT / "metrics/summarize/scores.json")


def rows_of(name: str) -> list[dict[str, str]]:
    with (ROOT / "metrics" / name).open() as file:
        return list(csv.DictReader(file))


def families() -> list[dict[str, str]]:
    return rows_of("rank/families.csv")


@pytest.mark.parametrize("model", SCORES)
def test_the_scores_of_each_model_stand_in_the_readme(model: str) -> None:
    row = SCORES[model]
    accuracy = f"{row['accuracy']:.3f} | {row['accuracy_low']:.3f} to {row['accuracy_high']:.3f}"
    others = f"{row['macro_f1']:.3f} | {row['log_loss_nats']:.3f} | {row['ece']:.3f}"
    assert f"| `{model}` | {accuracy} | {others} | {row['n_seeds']} |" in README
    assert f"{row['n_clips']:,} clips" in README
    assert f"over the {row['n_groups']} groups" in README


@pytest.mark.parametrize("row", families(), ids=lambda row: row["family"])
def test_the_importance_of_each_family_stands_in_the_readme(row: dict[str, str]) -> None:
    bits = [float(row[f"importance_bits{end}"]) for end in ("", "_low", "_high")]
    assert f"| `{row['family']}` | {bits[0]:.2f} | {bits[1]:.2f} to {bits[2]:.2f} |" in README


@pytest.mark.parametrize("row", families(), ids=lambda row: row["family"])
def test_the_figure_is_drawn_from_the_importance_of_each_family(row: dict[str, str]) -> None:
    bits = f"{float(row['importance_bits']):.6f}".rstrip("0").rstrip(".").replace("-", "\N{MINUS SIGN}")
    drawn = (ROOT / "docs/figures/ranking.svg").read_text()
    assert f": {bits}; family: {row['family']};" in drawn, "run `python -m apps.plots --readme`"


def test_how_a_centred_model_hears_softer_sound_is_what_was_measured() -> None:
    rows = {(row["condition"], row["level"]): row for row in rows_of("evaluate/cnn_robustness.csv")}
    clean, softer = (f"{float(rows[key]['accuracy']):.3f}"[1:] for key in (("clean", ""), ("loudness", "-30")))
    n_clips = rows["clean", ""]["n_clips"]
    assert f"{n_clips} clips: {clean}, and {softer} on sound 30 dB softer" in README.replace("\n", " ")


def test_paths_and_presets_in_the_readme_exist() -> None:
    for folder in re.findall(r"^    {0,4}(\w+/) ", README, re.MULTILINE):
        assert (ROOT / folder).exists() or (ROOT / "stages" / folder).exists(), folder
    for preset in first_cells("| preset |"):
        assert (ROOT / "presets" / f"{preset}.yaml").exists(), preset


def test_every_family_is_told_in_the_readme() -> None:
    assert sorted(first_cells("| family | what it holds |")) == sorted(FAMILIES)


def test_what_models_cost_is_what_they_count() -> None:
    """Multiply-adds to two digits; of BC-ResNet the smallest, its student, and the largest stand there."""
    rows = README.partition("| model | after |")[2].partition("\n\n")[0].splitlines()
    for address, (params, network, shape) in networks(ROOT / "presets/speech_commands.yaml", 12).items():
        key = address.partition("@")[2]
        row = next(row for row in rows if f"`{params.model}`" in row)
        found = footprint(network, shape)
        if key in ("linear", "trees"):
            continue
        unit, name = (1e6, "M") if found.n_multiply_adds >= 1e6 else (1e3, "k")
        value = found.n_multiply_adds / unit
        assert f"{found.n_parameters:,}" in row, key
        assert f"{value:.1f} {name}" in row or f"{value:.0f} {name}" in row, (key, value)


def first_cells(header: str) -> list[str]:
    """The first cell of each row of the README's table with this header."""
    rows = README.partition(header)[2].partition("\n\n")[0].splitlines()[2:]
    return [row.split("`")[1] for row in rows]


def test_the_lock_is_that_of_the_committed_code_and_params() -> None:
    """Data may be absent, as in a fresh clone; nothing that git tracks may differ from what dvc.lock ran on."""
    dvc = Path(sys.executable).parent / "dvc"
    shown = subprocess.run([str(dvc), "status", "--json"], cwd=ROOT, capture_output=True, text=True, check=True)
    for stage, changes in json.loads(shown.stdout).items():
        for change in changes:
            assert isinstance(change, dict), f"{stage}: {change}; run `dvc repro` and commit dvc.lock and metrics/"
            for kind, paths in change.items():
                stale = {path: state for path, state in paths.items() if not path.startswith("data/")}
                assert not stale, f"{stage}: {kind} {stale}; run `dvc repro` and commit dvc.lock and metrics/"
