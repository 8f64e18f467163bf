"""Conditions in closed form, and what a model reads and scores under them."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import planted_task
import pyarrow as pa
import pytest
import soundfile
import torch
from conftest import tone
from feature_sounds import PARAMS
from safetensors.torch import save_file
from sharding import write_shards

from stages import evaluate, extract
from stages.conditions import CONDITIONS, loudness, mu_law, snr, speed, telephone
from stages.conditions.material import CLEAN, drawn_clips, material_of, trials_of
from stages.conditions.setting import ConditionError, Setting
from stages.features.family import FeatureError
from stages.features.reading import Extract, reading_of
from stages.files import read_json, sha256_of
from stages.models.card import Card, network
from stages.params import ParamsError, check_section
from stages.tables import clips, labels, selected
from stages.tables.features import read_statistics
from stages.tables.inputs import read_inputs
from stages.tables.parquet import Table, write_table
from stages.tables.sounds import Sounds, read_sounds

RATE, N_SAMPLES = 16_000, 8_000
CLASSES = ("no", "yes", labels.SILENCE)
SECTIONS = {
    "snr": {"levels_db": [20, 0]},
    "loudness": {"gains_db": [10, -20]},
    "speed": {"factors": [1.25, 0.8]},
    "telephone": {"codings": ["mu_law", "linear"]},
}
FAMILIES = ("mel", "level")
EXTRACT = {
    "frame": {"window_s": 0.025, "hop_s": 0.02},
    "statistics": {"names": ["mean", "std"]},
    "families": {family: json.loads(PARAMS[family].model_dump_json()) for family in FAMILIES},
}
CHOSEN = ["level_rms_std_dbfs", "mel_band_03_mean_db", "level_pause_share"]


def setting(noise: np.ndarray | None = None, power: float = 0.0, rate: int = RATE) -> Setting:
    return Setting(rate, np.zeros(0, np.float32) if noise is None else noise.astype(np.float32), power)


def noise_of(n: int, seed: int = 1) -> np.ndarray:
    return (0.1 * np.random.default_rng(seed).normal(size=n)).astype(np.float32)


def power(sound: np.ndarray) -> float:
    return float(np.mean(np.square(sound, dtype=np.float64)))


def level_db(sound: np.ndarray, hz: float) -> float:
    """The level of a tone in the middle of a sound, where filters have settled."""
    middle = sound[len(sound) // 4 : 3 * len(sound) // 4].astype(np.float64)
    turning = np.exp(-2j * np.pi * hz * np.arange(len(middle)) / RATE)
    return 20 * np.log10(np.abs(np.mean(middle * turning * np.hanning(len(middle)) * 2)) * 2)


@pytest.mark.parametrize("level", [-5.0, 0.0, 20.0])
@pytest.mark.parametrize("n_noise", [8_000, 1_000])
def test_the_ratio_of_sound_to_what_was_added_is_the_level(level: float, n_noise: int) -> None:
    sound = tone(0.5).astype(np.float32)
    mixed = snr.apply(sound, level, setting(noise_of(n_noise), power(sound)))
    assert 10 * np.log10(power(sound) / power(mixed - sound)) == pytest.approx(level, abs=0.01)


def test_a_gain_is_one_and_full_scale_is_the_end() -> None:
    sound = tone(0.1, amplitude=0.5).astype(np.float32)
    np.testing.assert_allclose(loudness.apply(sound, -20.0, setting()), sound / 10, rtol=1e-6)
    np.testing.assert_allclose(loudness.apply(sound, 20.0, setting()), np.clip(sound * 10, -1, 1), rtol=1e-6)


@pytest.mark.parametrize("factor", [0.8, 1.25])
def test_a_tone_played_faster_is_higher_and_shorter(factor: float) -> None:
    faster = speed.apply(tone(1.0, hz=1000).astype(np.float32), factor, setting())
    assert len(faster) == pytest.approx(RATE / factor, abs=1)
    spectrum = np.abs(np.fft.rfft(faster * np.hanning(len(faster)), RATE))
    assert spectrum.argmax() == 1000 * factor  # bins of 1 Hz


@pytest.mark.parametrize("hz", [100, 5000])
def test_a_telephone_loses_what_is_outside_its_band(hz: int) -> None:
    sound = tone(1.0, hz=hz).astype(np.float32)
    assert level_db(telephone.apply(sound, "linear", setting()), hz) < level_db(sound, hz) - 40


def test_a_telephone_keeps_what_is_inside_and_its_time() -> None:
    sound = tone(1.0, hz=1000).astype(np.float32)
    heard = telephone.apply(sound, "linear", setting())
    assert level_db(heard, 1000) == pytest.approx(level_db(sound, 1000), abs=0.5)
    np.testing.assert_allclose(heard[4000:12000], sound[4000:12000], atol=0.01)


def test_eight_bits_are_those_that_another_coder_hears(tmp_path: Path) -> None:
    units = np.arange(-8192, 8192) * 4  # every step of 1/8192 of full scale, as int16
    soundfile.write(tmp_path / "a.wav", units.astype(np.int16), 8000, subtype="ULAW")
    theirs, _ = soundfile.read(tmp_path / "a.wav", dtype="float32")
    np.testing.assert_array_equal(mu_law.as_heard((units / 32768).astype(np.float32)), theirs)


def test_eight_bits_are_heard_as_noise_38_db_below() -> None:
    sound = tone(1.0, hz=1013.7, amplitude=0.3)
    assert 10 * np.log10(power(sound) / power(mu_law.as_heard(sound) - sound)) == pytest.approx(38, abs=1.5)


def test_a_rate_below_that_of_the_line_is_refused() -> None:
    with pytest.raises(ConditionError, match=r"decode\.sample_rate_hz is 4000, expected at least 8000"):
        telephone.apply(tone(0.1, 4000).astype(np.float32), "linear", setting(rate=4000))


@pytest.mark.parametrize("name", CONDITIONS)
def test_levels_come_in_rising_order_after_clean_sound(name: str) -> None:
    trials = trials_of({name: SECTIONS[name]})
    assert trials[0] == CLEAN
    assert [trial.level for trial in trials[1:]] == sorted(next(iter(SECTIONS[name].values())))


@pytest.mark.parametrize("name", CONDITIONS)
def test_no_level_and_a_level_that_comes_twice_are_refused(name: str) -> None:
    key, given = next(iter(SECTIONS[name].items()))
    for wrong in ([], [given[0], given[0]]):
        with pytest.raises(
            ParamsError, match=rf"evaluate\.conditions\.{name}\.{key} is .*at least one level, each once"
        ):
            trials_of({name: {key: wrong}})


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"speed": {"factors": [0.0]}}, r"speed\.factors\.0 is 0\.0, expected greater than or equal to 0\.25"),
        ({"snr": {"levels_db": [1000.0]}}, r"snr\.levels_db\.0 is 1000\.0, expected less than or equal to 100"),
        ({"loudness": {"gains_db": ["loud"]}}, r"loudness\.gains_db\.0 is 'loud', expected a valid number"),
        ({"telephone": {"codings": ["a_law"]}}, r"telephone\.codings\.0 is 'a_law', expected 'linear' or 'mu_law'"),
        ({"echo": {}}, "conditions.echo is unknown, expected one of snr, loudness, speed, telephone"),
    ],
)
def test_nonsense_is_named(section: dict, words: str) -> None:
    with pytest.raises(ParamsError, match=words):
        trials_of(section)


def label_rows(parts: tuple[str, ...] = labels.PARTS) -> pa.Table:
    """Six clips a class and part, by two speakers in each."""
    rows = sorted(
        (f"{name}/{part}{take}", name, number, part, f"{part}{take % 2}", f"{part}{take % 2}", name)
        for part in parts
        for number, name in enumerate(CLASSES)
        for take in range(6)
    )
    schema = labels.TABLE.schema
    return pa.table(
        [pa.array(own, kind) for own, kind in zip(zip(*rows, strict=True), schema.types, strict=True)], schema
    )


def clip_rows(rows: pa.Table, louder: tuple[str, ...] = ()) -> pa.Table:
    """A clip for each label, of differing lengths; those of parts `louder` have twice the amplitude."""
    schema = clips.with_shape(RATE, N_SAMPLES)
    columns: dict[str, list] = {field.name: [] for field in schema}
    for number, row in enumerate(rows.to_pylist()):
        n = N_SAMPLES - 500 * (number % 4)
        sound = noise_of(n, number) / 4 + (row["label_id"] < 2) * tone(n / RATE, hz=300 * (1 + row["label_id"]))[:n] / 4
        stored = np.zeros(N_SAMPLES, np.int16)
        stored[:n] = np.rint(sound * (16_000 if row["part"] in louder else 8_000))
        known = {"clip_id": row["clip_id"], "seconds": n / RATE, "samples": stored.tobytes(), "is_noise": False}
        for field in schema:
            columns[field.name].append(known.get(field.name, "" if pa.types.is_string(field.type) else 0))
    return pa.table(columns, schema)


def write_clips(rows: pa.Table) -> None:
    write_shards(Path("data/clips"), [rows.slice(0, 20), rows.slice(20)], Table("clips", ("clip_id",), rows.schema))


def card_of(source: str, families: tuple[str, ...], names: tuple[str, ...], shape: tuple[int, ...]) -> Card:
    sizes = {"hidden": (8,), "dropout": 0.0}
    scale = {
        "mean": (-40.0,) * len(names),
        "std": (20.0,) * len(names),
        "seeds": (1, 2),
        "classes": CLASSES,
        "centred": False,
    }
    return Card(model="dnn", sizes=sizes, input=source, families=families, input_shape=shape, dims=names, **scale)


SOURCES = {"features/mel": (), "features": FAMILIES, "selected.parquet": ()}


@pytest.fixture
def task(in_folder: Path, monkeypatch: pytest.MonkeyPatch) -> pa.Table:
    """Labels of a task whose clips and features lie on disk, as extract leaves them."""
    rows = label_rows()
    write_table(Path("data/labels.parquet"), rows, labels.TABLE)
    write_clips(clip_rows(rows))
    write_params({})
    for family in FAMILIES:
        run(extract, monkeypatch, family)
    table = [read_statistics(Path("data/features") / family) for family in ("level", "mel", "level")]
    columns = [own.column(name) for own, name in zip(table, CHOSEN, strict=True)]
    fields = [own.schema.field(name) for own, name in zip(table, CHOSEN, strict=True)]
    kind = selected.table(fields)
    write_table(
        Path("data/selected.parquet"),
        pa.Table.from_arrays([table[0].column("clip_id"), *columns], schema=kind.schema),
        kind,
    )
    return rows


def write_params(conditions: dict, n_clips: int = 0) -> None:
    section = planted_task.EVALUATE | {"conditions": conditions, "n_condition_clips": n_clips}
    planted_task.write_params(Path(), {"extract": EXTRACT, "evaluate": section})


def run(stage: object, monkeypatch: pytest.MonkeyPatch, argument: str, workers: int = 1) -> None:
    monkeypatch.setattr(sys, "argv", ["stage", argument])
    monkeypatch.setenv("EARMARK_DEVICE", "cpu")
    monkeypatch.setenv("EARMARK_WORKERS", str(workers))
    stage.main()  # type: ignore[attr-defined]


def with_model(rows: pa.Table, source: str) -> Card:
    """Write a model of drawn weights that reads `source`."""
    inputs = read_inputs(Path("data") / source, rows.column("clip_id").to_pylist()[:1], SOURCES[source])
    card = card_of(source, SOURCES[source], inputs.names, inputs.values.shape[1:])
    folder = Path("data/models/m")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(card.model_dump_json())
    for seed in card.seeds:
        torch.manual_seed(seed)
        save_file(network(card).state_dict(), folder / f"seed-{seed}.safetensors")
    return card


def table_of() -> list[dict[str, str]]:
    with Path("metrics/evaluate/m_robustness.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("source", SOURCES)
def test_what_a_model_reads_of_clean_sound_is_what_extract_has_stored(source: str, task: pa.Table) -> None:
    card = with_model(task, source)
    clip_ids = task.column("clip_id").to_pylist()
    stored = read_inputs(Path("data") / source, clip_ids, SOURCES[source]).values
    material = material_of(task, read_sounds(Path("data/clips"), clip_ids), [CLEAN], 1)
    reading = reading_of(source, card.dims, check_section(EXTRACT, "extract", Extract), RATE)
    found = np.concatenate([reading(*material.changed(CLEAN, piece)) for piece in material.pieces()])
    assert found.dtype == stored.dtype
    np.testing.assert_array_equal(found, stored)


def test_a_column_of_no_family_is_named() -> None:
    with pytest.raises(FeatureError, match="column pitch_f0_mean_hz, which the model reads, is of no family"):
        reading_of("selected.parquet", ["pitch_f0_mean_hz"], check_section(EXTRACT, "extract", Extract), RATE)


@pytest.mark.parametrize("source", SOURCES)
def test_accuracy_on_clean_sound_is_that_on_stored_features(
    source: str, task: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_model(task, source)
    write_params(SECTIONS)
    run(evaluate, monkeypatch, "m")
    accuracy = read_json(Path("metrics/evaluate/m.json"))["test"]["accuracy"]
    clean, *others = table_of()
    names = {"accuracy": "value", "accuracy_low": "low", "accuracy_high": "high", "accuracy_sd": "sd"}
    assert {name: float(clean[name]) for name in names} == {name: accuracy[key] for name, key in names.items()}
    assert [row["condition"] for row in others] == [name for name in CONDITIONS for _ in range(2)]
    assert {(row["n_clips"], row["n_groups"], row["n_seeds"]) for row in [clean, *others]} == {("18", "2", "2")}


def test_neither_workers_nor_another_run_nor_sound_of_other_parts_changes_a_byte(
    task: pa.Table, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_model(task, "features/mel")
    write_params(SECTIONS, n_clips=10)
    digests = set()
    for workers, louder in ((1, ()), (2, ()), (2, ("train", "val"))):
        write_clips(clip_rows(task, louder))
        run(evaluate, monkeypatch, "m", workers)
        digests.add(sha256_of(Path("metrics/evaluate/m_robustness.csv")))
    write_clips(clip_rows(task, ("test",)))
    run(evaluate, monkeypatch, "m")
    assert len(digests) == 1
    assert sha256_of(Path("metrics/evaluate/m_robustness.csv")) not in digests


def test_no_condition_gives_no_row_and_needs_no_sound(task: pa.Table, monkeypatch: pytest.MonkeyPatch) -> None:
    with_model(task, "features/mel")
    (Path("data/clips") / "manifest.json").unlink()
    run(evaluate, monkeypatch, "m")
    assert table_of() == []


def sounds_of(each: list[np.ndarray]) -> Sounds:
    samples = np.zeros((len(each), N_SAMPLES), np.int16)
    for row, sound in zip(samples, each, strict=True):
        row[: len(sound)] = np.rint(sound * 32768)
    return Sounds(samples, np.array([len(sound) for sound in each]), RATE)


def test_silence_gets_the_noise_of_the_median_speech_clip_and_padding_stays_zero() -> None:
    rows = label_rows(("test",)).take([6, 7, 8, 0])  # three of speech and one of silence
    heard = [a * tone(0.25) for a in (0.1, 0.2, 0.8)] + [noise_of(4000)]
    trial = trials_of({"snr": {"levels_db": [0.0]}})[1]
    rows = pa.concat_tables([rows.slice(0, 3), rows.slice(3)])
    assert [label == labels.SILENCE for label in rows.column("label").to_pylist()] == [False, False, False, True]
    material = material_of(rows, sounds_of([*heard, noise_of(N_SAMPLES, 5)]), [trial], 1)
    clean, _ = material.changed(CLEAN, slice(0, 4))
    mixed, n_sounding = material.changed(trial, slice(0, 4))
    added = [power((mixed - clean)[clip, :4000]) for clip in range(4)]
    assert added[3] == pytest.approx(added[1], rel=1e-3) == pytest.approx(power(clean[1, :4000]), rel=1e-3)
    assert added[2] == pytest.approx(64 * added[0], rel=1e-2)
    assert not mixed[:, 4000:].any()
    assert n_sounding.tolist() == [4000] * 4


def test_a_clip_meets_the_same_noise_at_every_level() -> None:
    rows = label_rows(("test",))
    each = [noise_of(N_SAMPLES, seed) for seed in range(18)]
    trials = trials_of({"snr": {"levels_db": [0.0, 20.0]}})
    material = material_of(rows, sounds_of([*each, *(noise_of(N_SAMPLES, 90 + n) for n in range(4))]), trials, 1)
    clean, loud, soft = (material.changed(trial, slice(0, 18))[0] for trial in trials)
    np.testing.assert_allclose(loud - clean, 10 * (soft - clean), atol=1e-5)


def test_what_grows_longer_than_a_clip_loses_both_ends_and_what_is_shorter_is_padded() -> None:
    click = np.zeros(N_SAMPLES)
    click[N_SAMPLES // 2] = 0.9
    slower, faster = trials_of({"speed": {"factors": [0.5, 2.0]}})[1:]
    material = material_of(label_rows(("test",)).slice(6, 1), sounds_of([click]), [slower], 1)
    samples, n_sounding = material.changed(slower, slice(0, 1))
    assert abs(int(samples[0].argmax()) - N_SAMPLES // 2) <= 1
    assert n_sounding.tolist() == [N_SAMPLES]
    samples, n_sounding = material.changed(faster, slice(0, 1))
    assert n_sounding.tolist() == [N_SAMPLES // 2]
    assert not samples[0, N_SAMPLES // 2 :].any()


def test_noise_without_a_window_is_refused() -> None:
    rows = label_rows(("test",)).slice(6, 1)
    with pytest.raises(ConditionError, match=r"part test has 0 clips of _silence_, expected at least 1 .*snr"):
        material_of(rows, sounds_of([tone(0.25)]), trials_of({"snr": {"levels_db": [0.0]}}), 1)


def test_clips_are_drawn_in_the_shares_of_their_classes() -> None:
    label_ids = np.repeat([0, 1, 2], [60, 30, 10])
    rows = pa.table({"label_id": label_ids, "number": np.arange(100)})
    found = drawn_clips(rows, 20, 1)
    assert np.bincount(found.column("label_id").to_numpy()).tolist() == [12, 6, 2]
    assert found.equals(drawn_clips(rows, 20, 1))
    assert not found.equals(drawn_clips(rows, 20, 2))
    assert drawn_clips(rows, 0, 1).equals(rows)
    assert drawn_clips(rows, 200, 1).equals(rows)
