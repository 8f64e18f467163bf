"""The stage `decode`: every member of an archive is accounted for, and nothing about the machine changes a byte."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import encoded, tone
from deadly import memory_for
from decoding import CUTTING, KINDS, LIMITS, PARAMS, REFUSED, WORD, stage
from pydantic import ValidationError
from ruamel.yaml import YAML

from stages import decode
from stages.archives import Member
from stages.decoders.shard import Shard
from stages.decoders.tally import Tally, TallyError
from stages.isolation import survived
from stages.tables import clips, quarantine
from stages.tables.parquet import read_shards, read_table, shard_paths
from stages.workers import WorkerLimits

TEXT = b"only text"


def test_clips_and_quarantine_account_for_every_member(in_folder: Path) -> None:
    good = {f"dog/{kind}": data for kind, data in KINDS.items()}
    bad = {f"dog/{reason}.wav": data for reason, data in REFUSED.items()}
    stage(in_folder, {**good, **bad, "readme.txt": b"hello", "metadata.csv": b"path,label\ndog/wav,cat\n"})
    rows = read_shards(decode.CLIPS, clips.TABLE)
    refused = read_table(decode.QUARANTINE, quarantine.TABLE)
    assert rows.column("source_path").to_pylist() == list(good)
    assert dict(zip(rows["clip_id"].to_pylist(), rows["word"].to_pylist(), strict=True))["dog/wav"] == "cat"
    reasons = dict(zip(refused["source_path"].to_pylist(), refused["reason"].to_pylist(), strict=True))
    assert reasons == {f"dog/{reason}.wav": reason for reason in REFUSED} | {
        "readme.txt": "not_in_layout",
        "dog/link.wav": "not_a_file",
    }
    assert set(reasons.values()) <= set(quarantine.REASONS)
    facts = json.loads((decode.METRICS / "clips.json").read_text())
    assert (
        facts["n_members"]
        == facts["n_lists"] + facts["n_recordings"] + facts["n_quarantine"]
        == len(good) + len(bad) + 3
    )


def test_a_manifest_of_sums_catches_what_no_decoder_sees(in_folder: Path) -> None:
    data = KINDS["wav"]
    damaged = data[:5000] + bytes([data[5000] ^ 1]) + data[5001:]
    lines = ["path,label,sha256", *(f"dog/{name}.wav,dog,{hashlib.sha256(data).hexdigest()}" for name in "ab")]
    stage(in_folder, {"dog/a.wav": data, "dog/b.wav": damaged, "metadata.csv": "\n".join(lines).encode()})
    refused = read_table(decode.QUARANTINE, quarantine.TABLE).to_pylist()
    assert [(row["source_path"], row["reason"]) for row in refused] == [
        ("dog/b.wav", "wrong_sha256"),
        ("dog/link.wav", "not_a_file"),
    ]


def test_too_much_that_is_bad_stops_the_stage_in_words_and_leaves_the_quarantine(in_folder: Path) -> None:
    with pytest.raises(TallyError, match=r"2 of 3 recordings cannot be used") as error:
        stage(in_folder, {"dog/a.wav": KINDS["wav"], "dog/text.wav": TEXT}, 0.1)
    assert "dog/text.wav: not_audio" in str(error.value)
    assert read_table(decode.QUARANTINE, quarantine.TABLE).num_rows == 2


def test_too_much_that_is_bad_in_one_class_stops_the_stage(in_folder: Path) -> None:
    members = {f"cat/{n}.wav": encoded(tone(0.1, amplitude=0.01 * n)) for n in range(1, 10)}
    members |= {"dog/a.wav": KINDS["wav"], "dog/text.wav": TEXT}
    with pytest.raises(TallyError, match=r"2 of 3 recordings of 'dog' cannot be used, at most 50.0% may"):
        stage(in_folder, members, 0.5, 0.5)
    assert (decode.METRICS / "reasons.csv").read_text() == (
        "word,official_part,reason,recordings\ndog,,not_a_file,1\ndog,,not_audio,1\n"
    )


def test_what_is_refused_keeps_its_word_and_part_and_is_counted_by_them(in_folder: Path) -> None:
    told = {"dog/a": "val", "dog/b": "test", "dog/c": "test", "cat/d": "test", "cat/e": ""}
    lines = ["path,label,part", *(f"{path},{path[:3]},{part}" for path, part in told.items())]
    bad = dict.fromkeys(told, TEXT) | {"dog/c": b""}
    stage(in_folder, {**bad, "dog/good": KINDS["wav"], "top": TEXT, "metadata.csv": "\n".join(lines).encode()})
    refused = read_table(decode.QUARANTINE, quarantine.TABLE).to_pylist()
    parts = {row["source_path"]: row["official_part"] for row in refused}
    assert parts == told | {"dog/link.wav": "", "top": ""}
    assert (decode.METRICS / "reasons.csv").read_text().splitlines() == [
        "word,official_part,reason,recordings",
        ",,not_in_layout,1",
        "cat,,not_audio,1",
        "cat,test,not_audio,1",
        "dog,,not_a_file,1",
        "dog,test,empty,1",
        "dog,test,not_audio,1",
        "dog,val,not_audio,1",
    ]


def test_what_a_killed_run_left_among_the_clips_goes_also_where_none_are_written(in_folder: Path) -> None:
    decode.CLIPS.mkdir(parents=True)
    for name in (".part-00000.parquet.host.1.0123abcd.tmp", "part-00000.parquet"):
        (decode.CLIPS / name).write_bytes(b"half of it")
    with pytest.raises(TallyError):
        stage(in_folder, {"dog/text.wav": TEXT})
    assert [path.name for path in decode.CLIPS.iterdir()] == ["manifest.json"]


def test_a_member_that_nobody_accounts_for_stops_the_stage() -> None:
    with pytest.raises(TallyError, match="3 members, but 2 accounted for: a clip vanished"):
        Tally(n_lists=2).judge(3, 1.0, 1.0)


@pytest.mark.parametrize("workers", ["1", "3"])
def test_the_bytes_do_not_depend_on_the_number_of_workers(
    in_folder: Path, workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stages.decoders.shard.MEMBERS_PER_SHARD", 50)
    members = {f"w{i % 5}/{i:04d}.flac": encoded(tone(0.3 + 0.001 * i), kind="FLAC") for i in range(300)}
    monkeypatch.setenv("EARMARK_WORKERS", "2")
    stage(in_folder, members)
    first = [path.read_bytes() for path in shard_paths(decode.CLIPS)]
    monkeypatch.setenv("EARMARK_WORKERS", workers)
    stage(in_folder, members)
    assert [path.read_bytes() for path in shard_paths(decode.CLIPS)] == first
    assert len(first) == 6


def test_names_of_any_bytes_are_kept_as_text(in_folder: Path) -> None:
    stage(in_folder, {"dog/caf\udce9 \n'\u2603.wav": KINDS["wav"], "dog/" + "n" * 250: KINDS["flac"]})
    names = read_shards(decode.CLIPS, clips.TABLE, ["clip_id"]).column("clip_id").to_pylist()
    assert names == ["dog/caf\\xe9 \n'\u2603.wav", "dog/" + "n" * 250]


def test_an_hour_and_a_bomb_of_ten_take_no_more_memory_than_a_minute(tmp_path: Path) -> None:
    limits = replace(LIMITS, max_s=4000.0)
    minute = tone(60.0)
    sounds = {"minute": (minute, 1, 16_000), "hour": (minute, 60, 16_000), "bomb": (np.full(480_000, 0.25), 600, 8000)}
    peaks, reasons = {}, {}
    for name, (sound, times, rate_hz) in sounds.items():
        path = tmp_path / name
        with soundfile.SoundFile(path, "w", rate_hz, 1, "PCM_16", format="FLAC") as file:
            for _ in range(times):
                file.write(sound)
        item = (Member(name, path.stat().st_size, 0, "", ""), WORD)
        shard = Shard(path, "", tmp_path, tmp_path, 0, [item], CUTTING, limits)
        peaks[name], tally = survived(memory_for, shard, WorkerLimits(512, 60.0))
        reasons[name] = [row["reason"] for row in tally.refusals]
    assert reasons == {"minute": [], "hour": [], "bomb": ["too_long"]}
    assert max(peaks.values()) < 300
    assert peaks["bomb"] - peaks["minute"] < 60


def test_a_member_named_as_a_clip_of_another_is_refused(in_folder: Path) -> None:
    stage(in_folder, {"dog/a": KINDS["wav"], "dog/a#00001": KINDS["wav"], "dog/c#4": KINDS["wav"]})
    assert read_shards(decode.CLIPS, clips.TABLE).column("clip_id").to_pylist() == ["dog/a", "dog/c#4"]
    refused = read_table(decode.QUARANTINE, quarantine.TABLE).to_pylist()
    assert [(row["source_path"], row["reason"]) for row in refused] == [
        ("dog/a#00001", "same_path_twice"),
        ("dog/link.wav", "not_a_file"),
    ]


def test_an_archive_without_recordings_is_said(in_folder: Path) -> None:
    with pytest.raises(TallyError, match="the archives hold no recordings"):
        Tally(n_lists=1).judge(1, 1.0, 1.0)


def test_a_clip_of_no_sample_is_refused() -> None:
    section = dict(YAML(typ="safe").load(PARAMS % (1.0, 1.0))["decode"], clip_s=0.00001)
    with pytest.raises(ValidationError, match="clip_s of at least one sample"):
        decode.Params.model_validate(section, strict=False)
