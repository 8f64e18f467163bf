"""An archive arrives whole and right from a server that breaks off, lies or stalls, or the error says why not."""

import hashlib
import os

import pytest
from serving import (
    CONTENT,
    KEY,
    OTHER,
    PART,
    RAW,
    SHA256,
    Server,
    address,
    another,
    claiming,
    endless,
    fetched,
    shifted,
    stalling,
    status,
    to_a_file,
    until,
    whole,
    without_ranges,
)

from stages.origin import SourceError
from stages.sources import stores
from stages.sources.transfer import ATTEMPTS, HELD, fetch

pytestmark = pytest.mark.usefixtures("archive_there")


def test_http_is_fetched_whole_in_one_request(server: Server) -> None:
    assert fetched(server.url) == []
    assert server.ranges == [0]


def test_a_broken_transfer_goes_on_where_it_broke_and_says_so(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers = [until(1), until(1_500_000), until(1_500_001), whole]
    assert fetched(server.url) == [1.0, 1.0, 2.0]  # an attempt that brought much starts the count anew
    assert server.ranges == [0, 1, 1_500_000, 1_500_001]
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == (
        f"download: {server.url}: broke off after 1,500,000 of 3,000,000 bytes; again in 1 s, from byte 1,500,000"
    )


@pytest.mark.parametrize(
    ("answers", "ranges"),
    [
        ([until(1_000_000), without_ranges], [0, 1_000_000]),
        ([until(1_000_000), shifted], [0, 1_000_000, 0]),
        ([until(1_000_000), another, whole], [0, 1_000_000, 0]),
        ([until(1_000_000), status(416), whole], [0, 1_000_000, 0]),
    ],
    ids=["ignores ranges", "gives another range", "has other bytes now", "knows no such range"],
)
def test_where_it_cannot_go_on_it_begins_again(server: Server, answers: list, ranges: list[int]) -> None:
    server.answers = answers
    fetched(server.url)
    assert server.ranges == ranges


@pytest.mark.parametrize("code", [503, 500, 429])
def test_a_server_that_is_busy_twice_is_asked_again_later_and_later(server: Server, code: int) -> None:
    server.answers = [status(code), status(code), whole]
    assert fetched(server.url) == [1.0, 2.0]


@pytest.mark.parametrize("code", [404, 403, 401, 410])
def test_a_server_that_refuses_is_asked_once(server: Server, code: int) -> None:
    server.answers = [status(code)]
    with pytest.raises(SourceError, match=rf"HTTP Error {code}.*check download\.options\.archive\.url"):
        fetch(address(server.url), RAW, KEY, sleep=pytest.fail)
    assert server.ranges == [0]
    assert not RAW.exists()


def test_a_server_that_never_recovers_is_given_up(server: Server) -> None:
    server.answers = [status(503)]
    waits: list[float] = []
    with pytest.raises(SourceError, match="HTTP Error 503"):
        fetch(address(server.url), RAW, KEY, sleep=waits.append)
    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0]
    assert len(server.ranges) == ATTEMPTS


def test_a_stalled_connection_is_given_up_and_what_came_is_kept(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "SILENCE_S", 0.2)
    server.answers = [stalling, whole]
    assert fetched(server.url) == [1.0]
    assert server.ranges == [0, 500_000]


def test_a_length_that_is_too_long_is_refused_before_the_first_byte(server: Server) -> None:
    server.answers = [claiming(10_000_001)]
    with pytest.raises(SourceError, match=r"is longer than download\.options\.archive\.n_bytes_max, 10,000,000"):
        fetch(address(server.url), RAW, KEY)
    assert not PART.exists()


def test_bytes_without_end_stop_at_the_limit(server: Server) -> None:
    server.answers = [endless]
    with pytest.raises(SourceError, match="is longer than"):
        fetch(address(server.url), RAW, KEY)
    assert not PART.exists()
    assert not RAW.exists()


@pytest.mark.parametrize(("claimed", "words"), [(2_000_000, "sha256 is"), (4_000_000, "after 3,000,000 of 4,000,000")])
def test_a_server_that_lies_about_the_length_is_not_believed(server: Server, claimed: int, words: str) -> None:
    server.answers = [claiming(claimed)]
    with pytest.raises(SourceError, match=words):
        fetch(address(server.url), RAW, KEY, sleep=lambda wait_s: None)
    assert not RAW.exists()


def test_a_redirect_to_a_file_of_this_machine_is_not_followed(server: Server) -> None:
    server.answers = [to_a_file]
    with pytest.raises(SourceError, match="HTTP Error 302"):
        fetch(address(server.url), RAW, KEY)
    assert not RAW.exists()


def test_another_archive_is_fetched_twice_at_most_after_a_break(server: Server) -> None:
    server.answers = [until(1_000_000), another]
    with pytest.raises(SourceError, match=f"sha256 is {hashlib.sha256(OTHER).hexdigest()}"):
        fetch(address(server.url), RAW, KEY, sleep=lambda wait_s: None)
    assert server.ranges == [0, 1_000_000, 0]
    assert [path.name for path in HELD.iterdir()] == [f"{SHA256}.lock"]


def test_s3_is_fetched_whole_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.server import ThreadedMotoServer
    from s3fs import S3FileSystem

    s3 = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    s3.start()
    host, port = s3.get_host_and_port()
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        store = S3FileSystem()
        store.mkdir("bucket")
        store.pipe("bucket/words.tar", CONTENT)
        fetched("s3://bucket/words.tar")
        (HELD / SHA256).unlink()
        PART.write_bytes(CONTENT[:2_000_000])
        fetched("s3://bucket/words.tar")
    finally:
        s3.stop()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sha256": "0" * 64}, ["sha256 is " + SHA256, "expected " + "0" * 64, f"{KEY}.sha256"]),
        ({"n_bytes_max": 1000}, ["is longer than", "1,000"]),
    ],
)
def test_a_wrong_archive_is_refused_and_leaves_nothing(change: dict, words: list[str]) -> None:
    with pytest.raises(SourceError) as error:
        fetch(address("there/words.tar", **change), RAW, KEY)
    assert all(word in str(error.value) for word in words)
    assert not RAW.exists()
    assert [path.suffix for path in HELD.iterdir()] == [".lock"]


@pytest.mark.parametrize(
    "url",
    [
        "nowhere/words.tar",
        "http://127.0.0.1:9/words.tar",
        "ghost://x/words.tar",
        "s3://nobody/words.tar",
        "there",
        "there/pipe",
        "/dev/zero",
        "http://[words.tar",
    ],
)
def test_an_address_that_gives_nothing_is_named_at_once(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    os.mkfifo("there/pipe")
    with pytest.raises(SourceError, match=r"check download\.options\.archive\.url"):
        fetch(address(url), RAW, KEY, sleep=pytest.fail)
    assert not RAW.exists()
