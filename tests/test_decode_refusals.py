"""What is no sound, or another than was meant, is refused with its reason."""

from pathlib import Path

import numpy as np
import pytest
from conftest import encoded
from decoding import KINDS, REFUSED, decoded_rows

from stages.decoders.octets import ShrunkError, octets
from stages.origin import Origin


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_used_is_refused_with_its_reason(reason: str) -> None:
    rows, tally = decoded_rows(REFUSED[reason])
    assert not rows
    assert [row["reason"] for row in tally.refusals] == [reason]
    assert tally.refusals[0]["message"]


def test_another_sha256_than_that_of_the_metadata_is_refused() -> None:
    _, tally = decoded_rows(KINDS["wav"], Origin("yes", "ann", "ann", sha256="0" * 64))
    assert [row["reason"] for row in tally.refusals] == ["wrong_sha256"]


def test_a_changed_sample_of_a_flac_is_found_by_its_md5() -> None:
    data = encoded(np.random.default_rng(1).uniform(-0.5, 0.5, 16_000), kind="FLAC")
    place = data.index(bytes.fromhex("fff8"))  # the first frame; before it lies the MD5 of the samples
    md5_at = 4 + 4 + 18
    damaged = data[:md5_at] + bytes([data[md5_at] ^ 1]) + data[md5_at + 1 :]
    assert md5_at + 16 < place
    _, tally = decoded_rows(damaged)
    assert [(row["reason"], row["n_declared"], row["n_decoded"]) for row in tally.refusals] == [
        ("damaged", 16_000, 16_000)
    ]


def test_an_archive_that_becomes_shorter_while_it_is_read_stops_the_stage(tmp_path: Path) -> None:
    path = tmp_path / "a.tar"
    path.write_bytes(bytes(1000))
    with path.open("rb") as file:
        assert octets(file.fileno(), 500, 500) == bytes(500)
        with pytest.raises(ShrunkError, match="became shorter while it was read"):
            octets(file.fileno(), 500, 501)
