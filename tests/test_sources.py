"""Sources tell whose sound each member is."""

import pytest

from stages.origin import Origin, SourceError
from stages.sources import SOURCES, metadata, speech_commands, spoken_digits
from stages.tables.labels import SILENCE

PLAIN = metadata.Layout(speaker_pattern="")


@pytest.mark.parametrize("name", sorted(SOURCES))
def test_every_source_tells_its_licence_and_has_what_the_stages_call(name: str) -> None:
    source = SOURCES[name]
    assert source.INFO.licence
    assert source.Params.model_config["extra"] == source.Layout.model_config["extra"] == "forbid"
    for call in ("collect", "describe"):
        assert callable(getattr(source, call))
    assert not source.INDEX.search("yes/speaker_nohash_0.wav")


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
