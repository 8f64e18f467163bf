"""Every member of an archive becomes clips or a row of quarantine, and every clip is what was recorded."""

import io
import json
import tarfile
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from conftest import encoded, tone
from pydantic import ValidationError

from stages import decode
from stages.decoders import DECODERS, libsndfile
from stages.decoders.clip import cut, level, to_mono, window_starts
from stages.decoders.recording import Cutting, Noise, rows_of
from stages.decoders.sound import Limits, Refused, container_of
from stages.sources.origin import Origin
from stages.tables import clips, quarantine
from stages.tables.labels import SILENCE
from stages.tables.parquet import read_shards, read_table, shard_paths

CUTTING = Cutting(
    sample_rate_hz=16_000,
    clip_s=1.0,
    longer="windows",
    window_hop_s=0.5,
    noise=Noise(hop_s=0.25, gain_db=(-20.0, 0.0), seed=1),
    max_s=20.0,
    max_channels=8,
    max_bytes=10_000_000,
)
WORD = Origin("yes", "ann", "ann")
LIMITS = Limits(20.0, 8)
PARAMS = """
decode:
  sample_rate_hz: 16000
  clip_s: 1.0
  longer: start
  window_hop_s: 1.0
  noise: {hop_s: 0.25, gain_db: [-20.0, 0.0], seed: 1}
  max_s: 20.0
  max_channels: 8
  max_bytes: 10000000
  max_bad_fraction: %s
  layout: {speaker_pattern: ""}
"""


def m4a(samples: np.ndarray, rate: int = 16_000) -> bytes:
    target = io.BytesIO()
    with av.open(target, "w", format="mp4") as file:
        stream = file.add_stream("aac", rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[None], format="fltp", layout="mono")
        frame.sample_rate = rate
        for packet in [*stream.encode(frame), *stream.encode(None)]:
            file.mux(packet)
    return target.getvalue()


def one(path: str, data: bytes, origin: Origin, cutting: Cutting) -> dict:
    """The first row of a recording."""
    return rows_of(path, data, origin, cutting)[0][0]


KINDS = {
    "wav": encoded(tone(1.0)),
    "wav_24": encoded(tone(1.0), subtype="PCM_24"),
    "wav_8": encoded(tone(1.0), subtype="PCM_U8"),
    "wav_ulaw": encoded(tone(1.0), subtype="ULAW"),
    "wav_float": encoded(tone(1.0), subtype="FLOAT"),
    "flac": encoded(tone(1.0), kind="FLAC"),
    "ogg": encoded(tone(1.0), kind="OGG", subtype="VORBIS"),
    "opus": encoded(tone(1.0, 48_000), 48_000, kind="OGG", subtype="OPUS"),
    "mp3": encoded(tone(1.0), kind="MP3", subtype="MPEG_LAYER_III"),
    "aiff": encoded(tone(1.0), kind="AIFF"),
    "m4a": m4a(tone(1.0)),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_told_by_content_and_decodes_to_the_tone_it_holds(kind: str) -> None:
    row = one("x", KINDS[kind], WORD, CUTTING)
    assert row["container"] == kind.split("_")[0].replace("opus", "ogg")
    sound = np.frombuffer(row["samples"], "<i2").astype(float) / clips.FULL_SCALE
    spectrum = np.abs(np.fft.rfft(sound[2000:14_000] * np.hanning(12_000)))
    assert abs(np.argmax(spectrum) * 16_000 / 12_000 - 440) < 2
    assert abs(row["rms_dbfs"] - -9.03) < 0.6


def test_16_bit_mono_at_the_same_rate_comes_back_to_the_bit() -> None:
    samples = np.random.default_rng(1).integers(-32768, 32768, 16_000).astype(np.int16)
    for kind in ("WAV", "FLAC"):
        row = one("x", encoded(samples, kind=kind), WORD, CUTTING)
        assert np.array_equal(np.frombuffer(row["samples"], "<i2"), samples)


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "OGG", "MP3"])
def test_a_long_recording_read_in_blocks_is_that_read_at_once_and_nobody_complains(
    kind: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = np.random.default_rng(1).standard_normal(22_050 * 12) * 0.1
    data = encoded(noise, 22_050, kind, {"OGG": "VORBIS", "MP3": "MPEG_LAYER_III"}.get(kind, "PCM_16"))
    sound = libsndfile.decode(data, container_of(data), LIMITS)
    whole, _ = soundfile.read(io.BytesIO(data), dtype="float32", always_2d=True)
    assert np.abs(sound.samples - whole).max() < 1e-6
    monkeypatch.setattr(libsndfile, "BLOCK_FRAMES", 1000)
    assert np.array_equal(libsndfile.decode(data, container_of(data), LIMITS).samples, sound.samples)
    assert capfd.readouterr().err == ""


def test_containers_are_known_and_each_has_a_decoder() -> None:
    assert {container_of(data) for data in KINDS.values()} <= set(DECODERS)


def test_channels_are_averaged_and_rates_become_one() -> None:
    left, right = tone(1.0, 44_100), tone(1.0, 44_100, amplitude=0.1)
    mono = to_mono(np.stack([left, right], axis=1).astype(np.float32), 44_100, 16_000)
    assert len(mono) == 16_000
    assert np.abs(mono[200:-200] - 0.6 * tone(1.0)[200:-200]).max() < 2e-4


def test_resampling_leaves_no_alias() -> None:
    mono = to_mono(tone(1.0, 44_100, hz=12_000.0).astype(np.float32)[:, None], 44_100, 16_000)
    assert 20 * np.log10(np.abs(mono[500:-500]).max() / 0.5) < -100


def test_a_short_recording_is_padded_at_its_end_and_its_length_kept() -> None:
    row = one("x", encoded(tone(0.25)), WORD, CUTTING)
    sound = np.frombuffer(row["samples"], "<i2")
    assert (row["seconds"], row["recording_s"], row["clip_id"]) == (0.25, 0.25, "x")
    assert not sound[4000:].any()
    assert row["rms_dbfs"] == pytest.approx(-9.03, abs=0.01)


def test_one_sample_is_a_clip() -> None:
    assert one("x", encoded(np.array([0.5])), WORD, CUTTING)["seconds"] == 1 / 16_000


def test_a_long_recording_is_cut_to_its_last_sample() -> None:
    rows, _ = rows_of("x", encoded(tone(2.3)), WORD, CUTTING)
    assert [row["start_s"] for row in rows] == pytest.approx([0.0, 0.5, 1.0, 1.3])
    assert [row["clip_id"] for row in rows] == [f"x#0000{i}" for i in range(4)]
    assert {row["source_path"] for row in rows} == {"x"}


@pytest.mark.parametrize(("n", "starts"), [(10, [0]), (9, [0]), (11, [0, 1]), (20, [0, 5, 10]), (22, [0, 5, 10, 12])])
def test_windows_cover_a_recording(n: int, starts: list[int]) -> None:
    assert window_starts(n, 10, 5) == starts


def test_only_the_start_is_taken_where_params_say_so() -> None:
    rows, _ = rows_of("x", encoded(tone(2.3)), WORD, CUTTING.model_copy(update={"longer": "start"}))
    assert [(row["start_s"], row["seconds"]) for row in rows] == [(0.0, 1.0)]


def test_noise_is_cut_with_a_gain_of_its_own_that_depends_on_nothing_else() -> None:
    hum = Origin(SILENCE, "hum", "hum", is_noise=True)
    rows, _ = rows_of("hum", encoded(tone(5.0)), hum, CUTTING)
    gains = [row["gain_db"] for row in rows]
    assert len(set(gains)) == len(rows) == 17
    assert all(-20 <= gain <= 0 for gain in gains)
    assert [row["rms_dbfs"] for row in rows] == pytest.approx([-9.03 + gain for gain in gains], abs=0.05)
    assert rows_of("hum", encoded(tone(5.0)), hum, CUTTING)[0] == rows


def test_level_of_full_scale_and_of_silence() -> None:
    square = cut(np.tile(np.array([1.0, -1.0], np.float32), 50), 0, 200)
    peak, rms_dbfs, clipped = level(square)
    assert (peak, clipped) == (1.0, 1.0)
    assert rms_dbfs == pytest.approx(0.0, abs=1e-3)
    assert level(cut(np.zeros(10, np.float32), 0, 10)) == (0.0, -120.0, 0.0)


REFUSED = {
    "not_audio": b"this is no sound, only text",
    "empty": b"",
    "silent": encoded(np.zeros(1000)),
    "truncated": KINDS["wav"][:6000],
    "too_long": encoded(tone(21.0)),
    "too_many_channels": encoded(np.zeros((100, 9)) + 0.1),
    "decoder_error": b"RIFF\x00\x00\x00\x00WAVE" + bytes(50),
    "not_finite": encoded(np.array([0.1, np.nan, 0.2]), subtype="FLOAT"),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_what_cannot_be_used_is_refused_with_its_reason(reason: str) -> None:
    with pytest.raises(Refused) as refused:
        rows_of("x", REFUSED[reason], WORD, CUTTING)
    assert refused.value.reason == reason
    assert refused.value.message


def test_digital_silence_around_a_sound_is_left_out() -> None:
    sound = np.concatenate([tone(1.0), np.zeros(48_000)])
    rows, n_silent_windows = rows_of("x", encoded(sound), WORD, CUTTING)
    assert [row["start_s"] for row in rows] == [0.0, 0.5]
    assert n_silent_windows == 5


def stage(folder: Path, members: dict[str, bytes], max_bad_fraction: float = 1.0) -> None:
    raw = folder / "data/raw"
    raw.mkdir(parents=True, exist_ok=True)
    with tarfile.open(raw / "a.tar", "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
        link = tarfile.TarInfo("dog/link.wav")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    (raw / "source.json").write_text(json.dumps({"source": "archive", "archives": [{"name": "a.tar", "part": ""}]}))
    (folder / "params.yaml").write_text(PARAMS % max_bad_fraction)
    decode.main()


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


def test_too_much_that_is_bad_stops_the_stage_in_words_and_leaves_the_quarantine(in_folder: Path) -> None:
    with pytest.raises(decode.DecodeError, match=r"2 of 3 recordings cannot be used") as error:
        stage(in_folder, {"dog/a.wav": KINDS["wav"], "dog/text.wav": b"only text"}, 0.1)
    assert "dog/text.wav: not_audio: begins with b'only text'" in str(error.value)
    assert read_table(decode.QUARANTINE, quarantine.TABLE).num_rows == 2


@pytest.mark.parametrize("workers", ["1", "3"])
def test_the_bytes_do_not_depend_on_the_number_of_workers(
    in_folder: Path, workers: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    members = {f"w{i % 5}/{i:04d}.flac": encoded(tone(0.3 + 0.001 * i), kind="FLAC") for i in range(300)}
    monkeypatch.setenv("EARMARK_WORKERS", "2")
    stage(in_folder, members)
    first = [path.read_bytes() for path in shard_paths(decode.CLIPS)]
    monkeypatch.setenv("EARMARK_WORKERS", workers)
    stage(in_folder, members)
    assert [path.read_bytes() for path in shard_paths(decode.CLIPS)] == first


def test_a_gain_from_high_to_low_is_refused() -> None:
    with pytest.raises(ValidationError, match="low <= high"):
        Noise(hop_s=0.25, gain_db=(0.0, -20.0), seed=1)
