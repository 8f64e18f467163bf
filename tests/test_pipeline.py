"""The whole DAG on a tiny data set, as a user runs it: twice the same, shared over a remote, reported when wrong."""

import json
import shutil
from pathlib import Path

import pytest
from conftest import ROOT, copy_repository, encoded, run, tone
from ruamel.yaml import YAML
from ssh_serving import ssh_folder

from stages.files import read_json
from stages.params import read_yaml
from stages.tables import clips, labels, predictions
from stages.tables.parquet import read_shards, read_table

pytestmark = pytest.mark.slow


def test_all_that_git_tracks_is_small_and_all_else_is_with_dvc(done: Path) -> None:
    tracked = run(done, "git", "ls-files").stdout.split()
    assert not [name for name in tracked if name.startswith("data/") and not name.endswith((".gitignore", "README.md"))]
    assert {name.split("/")[1] for name in tracked if name.startswith("metrics/")} >= {"decode", "split", "evaluate"}
    assert sum((done / name).stat().st_size for name in tracked if name.startswith("metrics/")) < 1_000_000


def test_every_member_is_accounted_for_and_every_label_is_a_clip(done: Path) -> None:
    facts = read_json(done / "metrics/decode/clips.json")
    assert facts["n_members"] == facts["n_lists"] + facts["n_recordings"] + facts["n_quarantine"]
    assert facts["n_quarantine"] == 0
    clip_ids = read_shards(done / "data/clips", clips.TABLE, ["clip_id"])["clip_id"].to_pylist()
    labelled = read_table(done / "data/labels.parquet", labels.TABLE)["clip_id"].to_pylist()
    assert len(set(clip_ids)) == len(clip_ids) == facts["n_clips"]
    assert set(labelled) <= set(clip_ids)
    left_out = read_json(done / "metrics/split/parts.json")["n_left_out"]
    assert len(labelled) + sum(left_out.values()) == len(clip_ids)


def test_no_voice_is_in_two_parts(done: Path) -> None:
    groups = read_shards(done / "data/clips", clips.TABLE, ["clip_id", "group", "is_noise"]).to_pylist()
    group_of = {row["clip_id"]: row["group"] for row in groups if not row["is_noise"]}
    part_of: dict[str, set[str]] = {}
    for row in read_table(done / "data/labels.parquet", labels.TABLE).to_pylist():
        if row["clip_id"] in group_of:
            part_of.setdefault(group_of[row["clip_id"]], set()).add(row["part"])
    assert len(part_of) > 3
    assert all(len(parts) == 1 for parts in part_of.values())


def test_every_model_predicts_every_test_clip_for_every_seed(done: Path) -> None:
    rows = read_table(done / "data/labels.parquet", labels.TABLE).to_pylist()
    test = sorted(row["clip_id"] for row in rows if row["part"] == "test")
    for model in read_yaml(done / "params.yaml")["train"]["models"]:  # type: ignore[index]
        predicted = read_table(done / f"data/predictions/{model}.parquet", predictions.TABLE).to_pylist()
        for seed in (1, 2):
            assert sorted(r["clip_id"] for r in predicted if r["seed"] == seed and r["part"] == "test") == test


def test_every_score_has_its_n_and_interval(done: Path) -> None:
    for model, scores in read_json(done / "metrics/summarize/scores.json").items():
        assert scores["n_clips"] > scores["n_groups"] > 0, model
        assert scores["n_seeds"] == (1 if model == "ensemble" else 2)  # of which all seeds are one vote
        assert 0 <= scores["accuracy_low"] <= scores["accuracy"] <= scores["accuracy_high"] <= 1, model


def test_a_second_run_does_nothing_and_a_forced_one_gives_the_same_lock(done: Path) -> None:
    before = (done / "dvc.lock").read_text()
    assert "up to date" in run(done, "dvc", "repro").stdout
    run(done, "dvc", "repro", "--force")
    assert (done / "dvc.lock").read_text() == before
    assert not run(done, "git", "status", "--porcelain").stdout


def test_what_is_pushed_is_pulled_elsewhere_and_up_to_date(done: Path, tmp_path: Path) -> None:
    run(done, "dvc", "remote", "add", "--force", "--local", "--default", "store", str(tmp_path / "store"))
    run(done, "dvc", "push")
    run(tmp_path, "git", "clone", "--quiet", str(done), "clone")
    clone = tmp_path / "clone"
    run(clone, "dvc", "remote", "add", "--local", "--default", "store", str(tmp_path / "store"))
    run(clone, "dvc", "pull")
    assert "up to date" in run(clone, "dvc", "repro").stdout
    assert (clone / "data/labels.parquet").read_bytes() == (done / "data/labels.parquet").read_bytes()


def test_a_branch_with_other_keywords_runs_no_decoding_and_no_extraction_and_is_compared(done: Path) -> None:
    clone = done.parent / "branch"
    shutil.copytree(done, clone)
    run(clone, "git", "switch", "--quiet", "--create", "two-words")
    yaml = YAML(typ="safe")
    params = yaml.load(clone / "params.yaml")
    params["split"]["keywords"] = params["split"]["keywords"][:2]
    yaml.dump(params, clone / "params.yaml")
    output = run(clone, "dvc", "repro", "evaluate@dnn").stdout
    assert "Running stage 'split'" in output
    assert "Running stage 'evaluate@dnn'" in output
    assert "Running stage 'decode'" not in output
    assert "Running stage 'extract" not in output
    base = run(clone, "git", "branch", "--format=%(refname:short)").stdout.split()
    main = next(name for name in base if name != "two-words")
    changed = json.loads(run(clone, "dvc", "params", "diff", main, "--json").stdout)
    assert set(changed["params.yaml"]) == {"split.keywords"}
    scores = json.loads(run(clone, "dvc", "metrics", "diff", main, "--json").stdout)
    assert "metrics/evaluate/dnn.json" in scores


def test_own_sounds_kept_by_dvc_are_shared_too_over_ssh(tmp_path: Path) -> None:
    here = copy_repository(tmp_path / "here")
    shutil.copy(ROOT / "presets/own_sounds.yaml", here / "params.yaml")
    for label, hz in (("low", 200.0), ("high", 2000.0)):
        for i in range(4):
            path = here / f"data/own/{label}/{i}.wav"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(encoded(tone(0.5, hz=hz + i)))
    run(here, "dvc", "add", "data/own/low", "data/own/high")
    run(here, "dvc", "repro", "split")
    run(here, "git", "add", "--all")
    run(here, "git", "commit", "--quiet", "--message", "own sounds")
    assert read_json(here / "metrics/decode/clips.json")["n_members"] == 8
    run(tmp_path, "git", "clone", "--quiet", str(here), "clone")
    with ssh_folder(tmp_path / "store") as store:
        for folder in (here, tmp_path / "clone"):
            run(folder, "dvc", "remote", "add", "--local", "--default", "store", store)
        run(here, "dvc", "push")
        run(tmp_path / "clone", "dvc", "pull", "--with-deps", "split", "data/own/low.dvc", "data/own/high.dvc")
    assert "up to date" in run(tmp_path / "clone", "dvc", "repro", "split").stdout


def test_a_typo_in_params_stops_the_run_and_is_named(done: Path, tmp_path: Path) -> None:
    clone = tmp_path / "typo"
    shutil.copytree(done, clone)
    text = (clone / "params.yaml").read_text()
    (clone / "params.yaml").write_text(text.replace("unknown_share:", "unknwon_share:", 1))
    failed = run(clone, "dvc", "repro", "split", check=False)
    assert failed.returncode != 0
    assert "split.unknwon_share is not a known key, did you mean 'unknown_share'" in failed.stderr + failed.stdout
    assert "Traceback" not in failed.stderr
