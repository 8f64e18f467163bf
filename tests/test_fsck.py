"""A flipped byte in DVC's cache is found and named."""

import hashlib
import json
import sys
from pathlib import Path

import pytest

from apps import fsck


def keep(cache: Path, data: bytes, suffix: str = "") -> Path:
    digest = hashlib.md5(data).hexdigest() + suffix
    path = cache / "files/md5" / digest[:2] / digest[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


@pytest.fixture
def cache(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "argv", ["fsck"])
    cache = in_folder / ".dvc/cache"
    shard, single = keep(cache, b"a shard"), keep(cache, b"a table")
    listing = json.dumps([{"md5": shard.parent.name + shard.name, "relpath": "part-00000.parquet"}]).encode()
    folder = keep(cache, listing, ".dir")
    outs = [
        {"path": "data/clips", "md5": folder.parent.name + folder.name},
        {"path": "data/labels.parquet", "md5": single.parent.name + single.name},
    ]
    (in_folder / "dvc.lock").write_text(json.dumps({"schema": "2.0", "stages": {"decode": {"outs": outs}}}))
    return cache


def run(capsys: pytest.CaptureFixture[str]) -> tuple[int, str]:
    with pytest.raises(SystemExit) as ended:
        fsck.main()
    return int(ended.value.code or 0), capsys.readouterr().out


def test_a_sound_cache_is_counted(cache: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys) == (0, "fsck: 3 files in .dvc/cache, 0 corrupt\n")


@pytest.mark.parametrize(
    ("data", "output"), [(b"a shard", "data/clips/part-00000.parquet"), (b"a table", "data/labels.parquet")]
)
def test_a_flipped_bit_is_named_with_the_output_it_spoils(
    cache: Path, capsys: pytest.CaptureFixture[str], data: bytes, output: str
) -> None:
    path = keep(cache, data)
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])
    code, text = run(capsys)
    assert code == 1
    assert f"{path.relative_to(Path.cwd())}: is corrupt; it is {output}; delete it" in text
    assert "3 files in .dvc/cache, 1 corrupt" in text
