"""A hostile archive gives a row for each member or an error, in little time, and nothing comes out of it by name."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hostile.archives import MAX_BYTES, MAX_EXPANSION, attacks
from hostile.attack import Attack

from stages.archives import FREE_BYTES, ArchiveError, Limits, index
from stages.tables.quarantine import REASONS

LIMITS = Limits(MAX_BYTES, MAX_EXPANSION)
SECONDS = 2.0  # for any attack; the longest needs a quarter of it


@contextmanager
def files_of_at_most(n_bytes: int) -> Iterator[None]:
    """Make every longer file an error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def tree(folder: Path) -> dict[str, int]:
    return {str(path): path.lstat().st_size for path in folder.rglob("*")}


@pytest.mark.parametrize("attack", attacks(), ids=lambda attack: attack.name)
def test_an_attack_gives_a_row_for_each_member_or_an_error_and_no_file_else(attack: Attack, tmp_path: Path) -> None:
    archive = tmp_path / "raw/archive"
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    archive.parent.mkdir()
    archive.write_bytes(attack.data)
    before = tree(tmp_path)
    started = time.process_time()
    with files_of_at_most(max(FREE_BYTES, int(MAX_EXPANSION * len(attack.data)))):
        try:
            file, members = index(archive, scratch, LIMITS)
            found = tuple((member.path, member.reason) for member in members)
            before |= {str(file): file.stat().st_size}
            ends = [member.offset + member.n_bytes for member in members if not member.reason]
            assert max(ends, default=0) <= file.stat().st_size
        except ArchiveError:
            found = None
    assert found == attack.rows
    assert tree(tmp_path) == before
    assert time.process_time() - started < SECONDS
    assert not Path("/etc/earmark_was_here").exists()


def test_there_are_attacks_of_every_kind_and_all_reasons_are_known() -> None:
    ends = [attack.name.rpartition(".")[2] for attack in attacks()]
    assert ends.count("tar") >= 20
    assert ends.count("zip") >= 10
    assert sum(end in ("gz", "bz2", "xz") for end in ends) >= 4
    assert {reason for attack in attacks() for _, reason in attack.rows or ()} - {""} <= set(REASONS)
