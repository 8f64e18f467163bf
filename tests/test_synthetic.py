"""The synthetic source: one archive, whole, sorted and repeatable."""

import csv
import io
import re
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from conftest import ROOT, environment_in
from ruamel.yaml import YAML
from synthetic_options import KEYWORDS, made, params

from stages.files import sha256_of
from stages.origin import NOISE_FOLDER, SourceError
from stages.params import ParamsError
from stages.sources import synthetic
from stages.synthesis import spoken, voices
from stages.synthesis.containers import KINDS


def contents(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as tar:
        return {member.name: tar.extractfile(member).read() for member in tar}  # type: ignore[union-attr]


def rows(files: dict[str, bytes]) -> dict[str, dict[str, str]]:
    return {row["path"]: row for row in csv.DictReader(io.StringIO(files["metadata.csv"].decode()))}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("raw")
    synthetic.collect(params(), folder)
    return folder / spoken.NAME


@pytest.fixture(scope="module")
def files(archive: Path) -> dict[str, bytes]:
    return contents(archive)


def test_bytes_are_the_same_on_a_second_run_with_another_number_of_workers(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EARMARK_WORKERS", "1")
    (again,) = synthetic.collect(params(), tmp_path)
    assert (again.sha256, again.n_bytes) == (sha256_of(archive), archive.stat().st_size)
    assert [path.name for path in tmp_path.iterdir()] == [spoken.NAME]


def test_processes_that_speak_import_nothing_anew(tmp_path: Path) -> None:
    options = params(voices={"n_speakers": 6}).model_dump(mode="json")
    YAML().dump({"download": {"source": "synthetic", "options": options}}, tmp_path / "params.yaml")
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "stages.download"],
        cwd=tmp_path,
        env=environment_in(tmp_path) | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    for module in ("stages.sources.transfer", "stages.synthesis.spoken", "pyarrow.lib"):
        n_imports = len(re.findall(rf"\| +{re.escape(module)}$", run.stderr, re.MULTILINE))
        assert 1 <= n_imports <= 2, (module, n_imports)  # by the stage, and once for all that speak


def test_another_seed_gives_other_sounds(files: dict[str, bytes]) -> None:
    options = params(seed=2)
    speaker = voices.cast(options.voices, 1)[0]
    (first,), (second,) = made(params(), [speaker]), made(options, [speaker])
    assert all(one.content != other.content for one, other in zip(first, second, strict=True))


def test_a_speaker_does_not_change_with_the_number_of_takes() -> None:
    speaker = voices.cast(params().voices, 1)[0]
    once = spoken.script(params(), speaker)
    assert spoken.script(params(voices={"n_takes": 3}), speaker)[: len(once)] == once


def test_the_tar_is_sorted_anonymous_and_begins_with_its_index(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        members = tar.getmembers()
    names = [member.name for member in members]
    assert names[0] == "metadata.csv"
    assert names[1:] == sorted(names[1:])
    assert all((m.mtime, m.uid, m.gid, m.uname, m.gname) == (0, 0, 0, "", "") for m in members)


def test_metadata_names_every_sound_once_with_its_word_as_typed(files: dict[str, bytes]) -> None:
    named = rows(files)
    assert set(named) == set(files) - {"metadata.csv"}
    words = [row["label"] for row in named.values() if row["label"] != NOISE_FOLDER]
    assert {word: words.count(word) for word in KEYWORDS} == dict.fromkeys(KEYWORDS, 10)
    assert len(words) == 10 * (len(KEYWORDS) + 2)
    assert all(path.startswith("turn_on/") for path, row in named.items() if row["label"] == "turn on")


def test_the_layout_reads_back_word_speaker_and_group(files: dict[str, bytes]) -> None:
    layout = synthetic.Layout(speaker_pattern="")
    origins = synthetic.describe(list(files), {"metadata.csv": files["metadata.csv"].decode()}, layout, "")
    assert set(origins) == set(files) - {"metadata.csv"}
    for path, origin in origins.items():
        if not origin.is_noise:
            assert origin.group == origin.speaker.split(".")[1]
            assert origin.speaker in path


def test_every_file_decodes_with_the_rate_and_channels_of_its_kind(files: dict[str, bytes]) -> None:
    known = {(k.container, k.encoding, k.sample_rate_hz, k.n_channels, k.extension) for k in KINDS.values()}
    found = set()
    for path in rows(files):
        info = soundfile.info(io.BytesIO(files[path]))
        found.add((info.format, info.subtype, info.samplerate, info.channels, path.rsplit(".", 1)[1]))
    assert found <= known
    assert len(found) >= len(known) - 2  # 62 files in kinds drawn evenly


def test_a_word_is_whole_audible_and_as_long_as_promised(files: dict[str, bytes]) -> None:
    for path, row in rows(files).items():
        if row["label"] != NOISE_FOLDER:
            samples, sample_rate = soundfile.read(io.BytesIO(files[path]), always_2d=True)
            seconds = len(samples) / sample_rate
            level_dbfs = 20 * np.log10(np.sqrt(np.mean(np.square(samples.mean(axis=1)))))
            assert 0.8 - 1e-3 <= seconds <= 1.0 + 1e-3, path
            assert -46 < level_dbfs < -19, path
            assert np.mean(np.abs(samples) > 0.998) < 0.002, path


def test_takes_of_a_word_differ() -> None:
    options = params(voices={"n_takes": 3, "n_speakers": 1})
    speaker = voices.cast(options.voices, 1)[0]
    takes = [member.content for members in made(options, [speaker]) for member in members if member.label == "yes"]
    assert len(set(takes)) == 3


def test_speakers_have_distinct_safe_names_and_variants_take_turns() -> None:
    speakers = voices.cast(params(voices={"n_speakers": 200}).voices, 1)
    assert len({speaker.name for speaker in speakers}) == 200
    assert all(speaker.name.replace(".", "").replace("-", "").replace("_", "").isalnum() for speaker in speakers)
    assert len({speaker.variant for speaker in speakers}) == len({speaker.variant for speaker in speakers[:100]})
    pairs = {(speaker.variant, speaker.accent) for speaker in speakers[:170]}
    assert len(pairs) == 170


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"keywords": ["Go!", "go"]}, "options.keywords is .* 'Go!' and 'go' both get 'go'"),
        ({"keywords": ["turn on", "bed"]}, "'bed' and 'bed' both get 'bed'"),
        ({"keywords": ["?!"]}, r"'\?!' has none"),
        ({"keywords": []}, "download.options.keywords"),
        ({"n_unknown_per_take": 4}, "at most the number of unknown_words, 3"),
        ({"kinds": ["aiff"]}, "kinds of file, each once, of wav_16bit_16khz_mono"),
        ({"voices": {"n_speakers": 0}}, "download.options.voices.n_speakers"),
        ({"rooms": {"snr_db": [30, 5]}}, r"download.options.rooms.snr_db .* low <= high"),
        ({"voices": {"words_per_minute": [20, 100]}}, "80 <= low <= high <= 450"),
        ({"lengths": {"shortest_s": 1.5}}, "at most clip_s, 1"),
        ({"rooms": {"snr": [5, 30]}}, "snr_db"),
    ],
)
def test_params_that_cannot_be_are_refused_by_name(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ParamsError, match=message):
        params(**changes)


def test_an_unknown_accent_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"'en-xx'.* for example en, en-029"):
        synthetic.collect(params(voices={"accents": ["en-xx"]}), tmp_path)


def test_without_espeak_the_message_names_the_way_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(SourceError, match=r"is not installed; .*choose another source: set download\.source"):
        synthetic.collect(params(), tmp_path)
    assert not list(tmp_path.iterdir())
