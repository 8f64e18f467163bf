"""Everything odd and hostile at once, through the whole stage: all is accounted for, and nothing takes it down."""

import hashlib
from collections import Counter
from pathlib import Path

import pytest
from decoding import stage
from hostile.sounds import cases

from stages import decode
from stages.tables import clips, quarantine
from stages.tables.parquet import read_shards, read_table


@pytest.fixture(scope="module")
def became(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What became of each case: the reason of its refusal, or "sound"; a manifest gives the sums of unflipped files."""
    members = {f"{case.group}/{number:04d}_{case.name}": case.data for number, case in enumerate(cases())}
    lines = ["path,label,sha256"]
    for name, case in zip(members, cases(), strict=True):
        if case.group == "flip":
            lines.append(f"{name},flip,{hashlib.sha256(case.original).hexdigest()}")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("hostile"))
        stage(Path.cwd(), {**members, "metadata.csv": "\n".join(lines).encode()})
        refused = read_table(decode.QUARANTINE, quarantine.TABLE)
        sounds = read_shards(decode.CLIPS, clips.TABLE, ["source_path"]).column("source_path").to_pylist()
    found = dict(zip(refused["source_path"].to_pylist(), refused["reason"].to_pylist(), strict=True))
    assert not set(found) & set(sounds)
    return found | dict.fromkeys(sounds, "sound")


def test_every_file_is_accounted_for(became: dict[str, str]) -> None:
    names = {f"{case.group}/{number:04d}_{case.name}" for number, case in enumerate(cases())}
    assert set(became) == names | {"dog/link.wav"}
    assert len(names) >= 640


def test_each_became_what_it_may(became: dict[str, str]) -> None:
    wrong = []
    for number, case in enumerate(cases()):
        reason = became[f"{case.group}/{number:04d}_{case.name}"]
        if reason not in case.reasons and not (reason == "sound" and case.right is not None):
            wrong.append((case.group, case.name, reason))
    assert wrong == []


def test_with_a_manifest_every_flip_is_found(became: dict[str, str]) -> None:
    flips = [reason for name, reason in became.items() if name.startswith("flip/")]
    assert Counter(flips) == {"wrong_sha256": 192}


def test_no_file_takes_a_worker_down(became: dict[str, str]) -> None:
    assert not {"crashed", "out_of_memory", "timed_out"} & set(became.values())
