"""Words said by the synthesiser beside recordings, or instead of them."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
import soundfile
from synthetic_options import OPTIONS

from stages.params import ParamsError, check_section
from stages.sources import speech_commands
from stages.synthesis import spoken

FEW = {**OPTIONS, "voices": {**OPTIONS["voices"], "n_speakers": 2}, "keywords": ["off"], "n_unknown_per_take": 0}  # type: ignore[dict-item]


def recordings(path: Path) -> dict[str, object]:
    """Write a tar of one word by one speaker; return its address."""
    sound = io.BytesIO()
    soundfile.write(sound, np.zeros(160, np.int16), 16000, format="WAV")
    with tarfile.open(path, "w") as tar:
        member = tarfile.TarInfo("yes/aa_nohash_0.wav")
        member.size = len(sound.getvalue())
        tar.addfile(member, io.BytesIO(sound.getvalue()))
    return {"url": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "n_bytes_max": 100_000}


def options(**changes: object) -> speech_commands.Params:
    given = json.loads(
        json.dumps({"archive": None, "test_archive": None, "spoken": None, "spoken_parts": "all", **changes})
    )
    return check_section(given, "download.options", speech_commands.Params)


def test_spoken_words_are_one_more_archive(tmp_path: Path) -> None:
    chosen = options(archive=recordings(tmp_path / "real.tar"), spoken=FEW)
    (tmp_path / "raw").mkdir()
    archives = speech_commands.collect(chosen, tmp_path / "raw")
    assert [archive.name for archive in archives] == ["real.tar", spoken.NAME]
    assert [archive.part for archive in archives] == ["", ""]
    with tarfile.open(tmp_path / "raw" / spoken.NAME) as tar:
        names, text = tar.getnames(), tar.extractfile(spoken.METADATA).read().decode()  # type: ignore[union-attr]
    said = speech_commands.describe(names, {spoken.METADATA: text}, speech_commands.Layout(), "")
    words = [origin for origin in said.values() if not origin.is_noise]
    assert {origin.word for origin in words} == {"off"}
    assert len({origin.group for origin in words}) == 2
    assert {origin.part for origin in words} == {""}
    assert all(len(origin.sha256) == 64 for origin in words)


def test_voices_can_be_kept_out_of_val_and_test(tmp_path: Path) -> None:
    speech_commands.collect(options(spoken=FEW, spoken_parts="train"), tmp_path)
    with tarfile.open(tmp_path / spoken.NAME) as tar:
        names, text = tar.getnames(), tar.extractfile(spoken.METADATA).read().decode()  # type: ignore[union-attr]
    said = speech_commands.describe(names, {spoken.METADATA: text}, speech_commands.Layout(), "")
    assert {(origin.is_noise, origin.part) for origin in said.values()} == {(False, "train"), (True, "")}


def test_nothing_to_learn_from_is_refused() -> None:
    with pytest.raises(ParamsError, match="archive or spoken, or both"):
        options()
