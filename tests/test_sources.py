"""Sources bring whole archives and tell whose sound each member is."""

import functools
import hashlib
import http.server
import io
import os
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from stages.archives import ArchiveError, read_members
from stages.sources import SOURCES, folder, metadata, speech_commands, spoken_digits
from stages.sources.origin import Origin, SourceError
from stages.sources.transfer import Address, fetch
from stages.tables.labels import SILENCE

CONTENT = b"some bytes" * 300_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
PLAIN = metadata.Layout(speaker_pattern="")


def address(url: str, sha256: str = SHA256, n_bytes_max: int = 10_000_000) -> Address:
    return Address(url=url, sha256=sha256, n_bytes_max=n_bytes_max)


@pytest.fixture
def archive_file(tmp_path: Path) -> Path:
    path = tmp_path / "there" / "words.tar"
    path.parent.mkdir()
    path.write_bytes(CONTENT)
    return path


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def served(archive_file: Path) -> Iterator[str]:
    handler = functools.partial(Quiet, directory=str(archive_file.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/words.tar"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_source_tells_its_licence_and_has_what_the_stages_call(name: str) -> None:
    source = SOURCES[name]
    assert source.INFO.licence
    assert source.Params.model_config["extra"] == source.Layout.model_config["extra"] == "forbid"
    for call in ("collect", "describe"):
        assert callable(getattr(source, call))
    assert not source.INDEX.search("yes/speaker_nohash_0.wav")


def test_a_local_file_is_fetched_whole(archive_file: Path, tmp_path: Path) -> None:
    archive = fetch(address(str(archive_file)), tmp_path / "raw", "download.options.archive")
    assert (tmp_path / "raw" / "words.tar").read_bytes() == CONTENT
    assert (archive.name, archive.n_bytes, archive.sha256) == ("words.tar", len(CONTENT), SHA256)


def test_http_is_fetched_whole(served: str, tmp_path: Path) -> None:
    fetch(address(served), tmp_path / "raw", "download.options.archive")
    assert (tmp_path / "raw" / "words.tar").read_bytes() == CONTENT


def test_s3_is_fetched_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from moto.server import ThreadedMotoServer
    from s3fs import S3FileSystem

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
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
        fetch(address("s3://bucket/words.tar"), tmp_path / "raw", "download.options.archive")
    finally:
        server.stop()
    assert (tmp_path / "raw" / "words.tar").read_bytes() == CONTENT


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sha256": "0" * 64}, ["sha256 is " + SHA256, "expected " + "0" * 64, "download.options.archive.sha256"]),
        ({"n_bytes_max": 1000}, ["is longer than", "1,000"]),
    ],
)
def test_a_wrong_archive_is_refused_and_leaves_nothing(
    archive_file: Path, tmp_path: Path, change: dict, words: list[str]
) -> None:
    with pytest.raises(SourceError) as error:
        fetch(address(str(archive_file), **change), tmp_path / "raw", "download.options.archive")
    assert all(word in str(error.value) for word in words)
    assert list((tmp_path / "raw").iterdir()) == []


@pytest.mark.parametrize(
    "url", ["nowhere/words.tar", "http://127.0.0.1:9/words.tar", "ghost://x/words.tar", "s3://nobody/words.tar"]
)
def test_an_address_that_gives_nothing_is_named(tmp_path: Path, url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(SourceError, match=r"check download\.options\.archive\.url"):
        fetch(address(url), tmp_path / "raw", "download.options.archive")
    assert not list((tmp_path / "raw").glob("*"))


def test_speech_commands_parts_follow_the_lists() -> None:
    paths = ["yes/aa_nohash_0.wav", "yes/bb_nohash_1.wav", "no/cc_nohash_0.wav", "_background_noise_/hum.wav"]
    texts = {"validation_list.txt": "yes/bb_nohash_1.wav\n", "testing_list.txt": "no/cc_nohash_0.wav\n"}
    told = speech_commands.describe([*paths, *texts, "README.md"], texts, speech_commands.Layout(), "")
    assert told == {
        paths[0]: Origin("yes", "aa", "aa", "train"),
        paths[1]: Origin("yes", "bb", "bb", "val"),
        paths[2]: Origin("no", "cc", "cc", "test"),
        paths[3]: Origin(SILENCE, paths[3], paths[3], "", is_noise=True),
    }


def test_a_list_that_names_a_clip_that_is_not_there_is_refused() -> None:
    texts = {"testing_list.txt": "no/cc_nohash_0.wav\n"}
    with pytest.raises(SourceError, match=r"lists 1 files that are not in the archive, first 'no/cc_nohash_0\.wav'"):
        speech_commands.describe(["testing_list.txt", "yes/aa_nohash_0.wav"], texts, speech_commands.Layout(), "")


@pytest.mark.parametrize(("speaker", "part"), [("bb05582b", "test"), ("0a7c2a8d", "train"), ("a69b9b3e", "val")])
def test_without_lists_the_part_follows_from_the_speaker_alone(speaker: str, part: str) -> None:
    told = speech_commands.describe(
        [f"yes/{speaker}_nohash_{i}.wav" for i in range(3)], {}, speech_commands.Layout(), ""
    )
    assert {origin.part for origin in told.values()} == {speech_commands.part_of(speaker)} == {part}


def test_the_rule_gives_a_tenth_of_the_speakers_each() -> None:
    parts = [speech_commands.part_of(f"{i:08x}") for i in range(20_000)]
    assert abs(parts.count("val") / 20_000 - 0.1) < 0.01
    assert abs(parts.count("test") / 20_000 - 0.1) < 0.01


def test_the_test_archive_keeps_its_own_classes_and_part() -> None:
    paths = ["yes/aa_nohash_0.wav", "_unknown_/bb_nohash_0.wav", "_silence_/0.wav"]
    told = speech_commands.describe(paths, {}, speech_commands.Layout(), "test")
    assert [(o.word, o.part, o.is_noise) for o in told.values()] == [
        ("yes", "test", False),
        ("_unknown_", "test", False),
        (SILENCE, "test", False),
    ]


def test_digits_are_parted_by_index_or_left_to_split() -> None:
    paths = [f"x-master/recordings/{d}_{s}_{i}.wav" for d, s, i in [(0, "ann", 3), (9, "bob", 7), (4, "ann", 30)]]
    official = spoken_digits.describe([*paths, "x-master/README.md"], {}, spoken_digits.Layout(parts="official"), "")
    assert [(o.word, o.speaker, o.part) for o in official.values()] == [
        ("zero", "ann", "test"),
        ("nine", "bob", "val"),
        ("four", "ann", "train"),
    ]
    by_speaker = spoken_digits.describe(paths, {}, spoken_digits.Layout(parts="speaker"), "")
    assert [(o.group, o.part) for o in by_speaker.values()] == [("ann", ""), ("bob", ""), ("ann", "")]


def test_a_plain_layout_takes_the_folder_for_the_label_and_the_name_for_the_speaker() -> None:
    layout = metadata.Layout(speaker_pattern=r"^\d-(\d+)-")
    told = metadata.describe(["esc/dog/1-30226-A.ogg", "esc/dog/.hidden", "readme.txt"], {}, layout, "")
    assert told == {"esc/dog/1-30226-A.ogg": Origin("dog", "30226", "30226")}


def test_metadata_says_more_than_the_folder() -> None:
    text = "path,label,speaker,group,part\na/1.wav,cat,tom,tom-and-jerry,val\n"
    told = metadata.describe(["m/metadata.csv", "m/a/1.wav", "m/a/2.wav"], {"m/metadata.csv": text}, PLAIN, "")
    assert told["m/a/1.wav"] == Origin("cat", "tom", "tom-and-jerry", "val")
    assert told["m/a/2.wav"] == Origin("a", "m/a/2.wav", "m/a/2.wav")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("file,label\na/1.wav,x\n", "column 'path' is missing"),
        ("path,label\na/9.wav,x\n", "names 1 files that are not in the archive, first 'a/9.wav'"),
        ("path,label,part\na/1.wav,x,dev\n", "line 2: part is 'dev', expected train, val, test or nothing"),
        ("path,label\na/1.wav,x,y\n", "line 2: has another number of fields"),
        ("path,label,speakr\na/1.wav,x,ann\n", "column 'speakr' is unknown; columns are path, label, speaker"),
        ("path,label\na/1.wav,x\na/1.wav,y\n", "line 3: a/1.wav is named a second time"),
    ],
)
def test_wrong_metadata_is_named_by_line(text: str, words: str) -> None:
    with pytest.raises(SourceError, match=words):
        metadata.describe(["metadata.csv", "a/1.wav"], {"metadata.csv": text}, PLAIN, "")


def test_own_sounds_are_packed_the_same_whatever_their_age(in_folder: Path) -> None:
    (in_folder / "data/own/dog").mkdir(parents=True)
    (in_folder / "data/own/dog/b.wav").write_bytes(b"bb")
    (in_folder / "data/own/dog/a.wav").write_bytes(b"a")
    (in_folder / "data/own/README.md").write_text("put your sounds here")
    first = folder.collect(folder.Params(), in_folder / "raw")
    os.utime("data/own/dog/a.wav", (1, 1))
    assert folder.collect(folder.Params(), in_folder / "raw") == first
    members = [(member.path, member.data) for member in read_members(in_folder / "raw/own.tar", lambda *_: True)]
    assert members == [("dog/a.wav", b"a"), ("dog/b.wav", b"bb")]


def test_links_and_pipes_are_packed_as_such_and_never_opened(in_folder: Path) -> None:
    (in_folder / "data/own/dog").mkdir(parents=True)
    (in_folder / "data/own/dog/link.wav").symlink_to("/etc/hostname")
    os.mkfifo("data/own/dog/pipe.wav")
    (in_folder / "data/own/dog/a.wav").write_bytes(b"a")
    folder.collect(folder.Params(), in_folder / "raw")
    members = {member.path: member for member in read_members(in_folder / "raw/own.tar", lambda *_: True)}
    assert [members[f"dog/{name}"].data for name in ("a.wav", "link.wav", "pipe.wav")] == [b"a", None, None]
    assert not members["dog/link.wav"].is_file


def test_an_empty_folder_of_own_sounds_says_where_to_put_them(in_folder: Path) -> None:
    (in_folder / "data/own").mkdir(parents=True)
    with pytest.raises(SourceError, match="data/own/<label>"):
        folder.collect(folder.Params(), in_folder / "raw")


def tar_bytes(mode: str = "w") -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode=mode) as tar:
        for i in range(20):
            info = tarfile.TarInfo(f"./a/{i}.wav")
            info.size = 5000
            tar.addfile(info, io.BytesIO(os.urandom(5000)))
    return target.getvalue()


def test_a_tar_cut_or_damaged_anywhere_is_an_error_and_never_a_shorter_list(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    for kind, step in (("w", 300), ("w:gz", 1500)):
        whole = tar_bytes(kind)
        end = len(whole) - 1 if kind == "w:gz" else 20 * (512 + 5120) + 1  # where the end of the archive begins
        for cut in range(0, end, step):
            path.write_bytes(whole[:cut])
            with pytest.raises(ArchiveError, match="cut or damaged"):
                list(read_members(path, lambda *_: False))
    damaged = bytearray(tar_bytes())
    damaged[7 * (512 + 5120) + 10] ^= 1  # in the name of the eighth member
    path.write_bytes(damaged)
    with pytest.raises(ArchiveError, match="no header and no end where one must be"):
        list(read_members(path, lambda *_: False))


def test_a_damaged_zip_is_an_error_in_words(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    whole = zip_bytes()
    path.write_bytes(whole)
    with zipfile.ZipFile(path) as zipped:
        places = [info.header_offset + 30 + len(info.filename) + 1000 for info in zipped.infolist()]
    for place in places:
        damaged = bytearray(whole)
        damaged[place] ^= 0x55
        path.write_bytes(damaged)
        with pytest.raises(ArchiveError, match="cut or damaged"):
            list(read_members(path, lambda *_: True))


def zip_bytes() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as zipped:
        for i in range(20):
            zipped.writestr(f"a/{i}.wav", os.urandom(5000))
    return target.getvalue()


@pytest.mark.parametrize("data", [tar_bytes(), tar_bytes("w:gz"), zip_bytes()], ids=["tar", "tar.gz", "zip"])
def test_members_are_told_by_content_and_a_half_archive_is_an_error(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "archive"
    path.write_bytes(data)
    members = list(read_members(path, lambda name, n_bytes: name.endswith("7.wav")))
    assert [m.path for m in members] == [f"a/{i}.wav" for i in range(20)]
    assert [m.path for m in members if m.data is not None] == ["a/7.wav", "a/17.wav"]
    path.write_bytes(data[: len(data) // 2])
    with pytest.raises(ArchiveError, match="fetch it again"):
        list(read_members(path, lambda *_: True))
