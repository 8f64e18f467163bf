"""What clips under conditions are made of: which of them, which noise at which level, how much sound is left."""

import numpy as np
import pyarrow as pa
import pytest
from conftest import tone
from sounding_task import N_SAMPLES, RATE, label_rows, noise_of, power

from stages.conditions.material import CLEAN, drawn_clips, material_of, trials_of
from stages.conditions.setting import ConditionError
from stages.tables import labels
from stages.tables.sounds import Sounds


def sounds_of(each: list[np.ndarray]) -> Sounds:
    samples = np.zeros((len(each), N_SAMPLES), np.int16)
    for row, sound in zip(samples, each, strict=True):
        row[: len(sound)] = np.rint(sound * 32768)
    return Sounds(samples, np.array([len(sound) for sound in each]), RATE)


def test_silence_gets_the_noise_of_the_median_speech_clip_and_padding_stays_zero() -> None:
    rows = label_rows(("test",)).take([6, 7, 8, 0])  # three of speech and one of silence
    heard = [a * tone(0.25) for a in (0.1, 0.2, 0.8)] + [noise_of(4000)]
    trial = trials_of({"snr": {"levels_db": [0.0]}})[1]
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
