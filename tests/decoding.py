"""Recordings of every kind, what is none, and the ways of tests to decode them: one, or an archive by the stage."""

import io
import json
import os
import tarfile
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from conftest import encoded, tone

from benchmarks.containers import m4a
from stages import decode
from stages.archives import Member
from stages.decoders.recording import Limits
from stages.decoders.shard import Shard, decode_shard
from stages.decoders.tally import Tally
from stages.decoders.windows import Cutting
from stages.origin import Origin
from stages.tables import clips
from stages.tables.parquet import read_table

CUTTING = Cutting(16_000, 16_000, "windows", 8000, 4000, noise_gain_db=(-20.0, 0.0), noise_seed=1)
LIMITS = Limits(max_s=20.0, max_channels=8, rates_hz=(4000, 192_000), max_peak=8.0)
WORD = Origin("yes", "ann", "ann")
PARAMS = """
decode:
  sample_rate_hz: 16000
  clip_s: 1.0
  longer: start
  window_hop_s: 1.0
  noise: {hop_s: 0.25, gain_db: [-20.0, 0.0], seed: 1}
  max_s: 20.0
  max_channels: 8
  rates_hz: [4000, 192000]
  max_peak: 8.0
  max_bytes: 10000000
  max_expansion: 200
  worker: {memory_mb: 512, cpu_s: 10.0}
  max_bad_fraction: %s
  max_bad_per_class: %s
  layout: {speaker_pattern: ""}
"""


KINDS = {
    "wav": encoded(tone(1.0)),
    "wav_24": encoded(tone(1.0), subtype="PCM_24"),
    "wav_8": encoded(tone(1.0), subtype="PCM_U8"),
    "wav_ulaw": encoded(tone(1.0), subtype="ULAW"),
    "wav_float": encoded(tone(1.0), subtype="FLOAT"),
    "flac": encoded(tone(1.0), kind="FLAC"),
    "flac_24": encoded(tone(1.0), kind="FLAC", subtype="PCM_24"),
    "ogg": encoded(tone(1.0), kind="OGG", subtype="VORBIS"),
    "opus": encoded(tone(1.0, 48_000), 48_000, kind="OGG", subtype="OPUS"),
    "mp3": encoded(tone(1.0), kind="MP3", subtype="MPEG_LAYER_III"),
    "aiff": encoded(tone(1.0), kind="AIFF"),
    "m4a": m4a(tone(1.0), 16_000),
}
REFUSED = {
    "not_audio": b"this is no sound, only text",
    "empty": b"",
    "silent": encoded(np.zeros(1000)),
    "truncated": KINDS["wav"][:6000],
    "too_long": encoded(tone(21.0)),
    "too_many_channels": encoded(np.zeros((100, 9)) + 0.1),
    "rate_out_of_range": encoded(tone(1.0, 2000, 100.0), 2000),
    "not_finite": encoded(np.array([0.1, np.nan, 0.2]), subtype="FLOAT"),
    "out_of_range": encoded(np.array([0.1, 32767.0, 0.2]), subtype="FLOAT"),
    "codec_not_allowed": encoded(tone(1.0), subtype="IMA_ADPCM"),
    "web_page": b"<!DOCTYPE html><html><body>404</body></html>",
    "playlist": b"#EXTM3U\n/etc/passwd\n",
    "lfs_pointer": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n",
}


def decoded_rows(
    data: bytes, origin: Origin = WORD, cutting: Cutting = CUTTING, limits: Limits = LIMITS, path: str = "x"
) -> tuple[list[dict], Tally]:
    """The rows of clips that one recording gives, and what became of it."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "bytes").write_bytes(data)
        item = (Member(path, len(data), 0, "", ""), origin)
        tally = decode_shard(
            Shard(folder / "bytes", "", folder, folder, 0, [item], cutting, limits), {}, lambda _: None
        )
        rows = [row for part in tally.parts for row in read_table(folder / part["name"], clips.TABLE).to_pylist()]
    return rows, tally


def stage(
    folder: Path, members: Mapping[str, bytes], max_bad_fraction: float = 1.0, max_bad_per_class: float = 1.0
) -> None:
    """Run the stage on a tar of `members` in the plain layout, and of a link."""
    raw = folder / "data/raw"
    raw.mkdir(parents=True, exist_ok=True)
    with tarfile.open(raw / "a.tar", "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(os.fsdecode(os.fsencode(name)))
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("dog/link.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    (raw / "source.json").write_text(json.dumps({"source": "archive", "archives": [{"name": "a.tar", "part": ""}]}))
    (folder / "params.yaml").write_text(PARAMS % (max_bad_fraction, max_bad_per_class))
    decode.main()
