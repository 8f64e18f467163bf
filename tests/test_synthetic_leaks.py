"""Nothing but the sound tells which word a synthetic recording holds."""

import io

import numpy as np
import pytest
import soundfile
from scipy.stats import chi2_contingency
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import GroupKFold, cross_val_score
from synthetic_options import made, params

from stages.synthesis import noises, voices
from stages.synthesis.containers import KINDS


@pytest.fixture(scope="module")
def recording_facts() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Facts (kind, rate, channels, seconds, rms in dBFS) of some 600 recordings, their words and speakers."""
    words = ["yes", "no", "up", "left", "stop", "go"]
    options = params(keywords=words, n_unknown_per_take=0, voices={"n_speakers": 34, "n_takes": 3})
    facts, labels, speakers = [], [], []
    for members in made(options, voices.cast(options.voices, 1)):
        for member in members:
            samples, sample_rate = soundfile.read(io.BytesIO(member.content), always_2d=True)
            info = soundfile.info(io.BytesIO(member.content))
            level_dbfs = 20 * np.log10(noises.rms(samples.mean(axis=1)))
            container = (info.format, info.subtype, sample_rate, samples.shape[1])
            code = [(k.container, k.encoding, k.sample_rate_hz, k.n_channels) for k in KINDS.values()].index(container)
            facts.append((code, sample_rate, samples.shape[1], len(samples) / sample_rate, level_dbfs))
            labels.append(member.label)
            speakers.append(member.speaker)
    return np.array(facts), np.array(labels), np.array(speakers)


def score(facts: np.ndarray, labels: np.ndarray, speakers: np.ndarray) -> float:
    """Accuracy of a forest on speakers it has not seen."""
    forest = RandomForestClassifier(60, min_samples_leaf=5, random_state=0)
    return float(cross_val_score(forest, facts, labels, groups=speakers, cv=GroupKFold(5)).mean())


def test_kind_rate_channels_length_and_level_do_not_tell_the_word(
    recording_facts: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    facts, labels, speakers = recording_facts
    chance = 1 / 6
    assert score(facts, labels, speakers) < chance + 3 * np.sqrt(chance * (1 - chance) / len(labels))


@pytest.mark.parametrize("column", [0, 4])
def test_a_kind_or_a_level_that_followed_the_word_would_be_found_out(
    column: int, recording_facts: tuple[np.ndarray, np.ndarray, np.ndarray]
) -> None:
    facts, labels, speakers = recording_facts
    chance, leaking = 1 / 6, facts.copy()
    rng = np.random.default_rng(0)
    told = rng.random(len(labels)) < 0.5  # half of the clips of one word come in one kind, or 12 dB lower
    leaking[(labels == "yes") & told, column] = {0: 3, 4: -52}[column]
    assert score(leaking, labels, speakers) > chance + 3 * np.sqrt(chance * (1 - chance) / len(labels))


def test_kinds_are_spread_over_the_words_as_chance_spreads_them(
    recording_facts: tuple[np.ndarray, np.ndarray, np.ndarray],
) -> None:
    facts, labels, _ = recording_facts
    words = np.unique(labels, return_inverse=True)[1]
    kinds = facts[:, 0].astype(int)
    assert independence(kinds, words) > 0.001
    told = np.random.default_rng(0).random(len(words)) < 0.25  # a quarter of each word's clips in a kind of its own
    assert independence(np.where(told, words, kinds), words) < 0.001


def independence(kinds: np.ndarray, words: np.ndarray) -> float:
    """Probability of counts as uneven as these, were kinds drawn without a look at words (Pearson's chi square)."""
    counts = np.zeros((kinds.max() + 1, words.max() + 1))
    np.add.at(counts, (kinds, words), 1)
    return float(chi2_contingency(counts[counts.any(axis=1)]).pvalue)
