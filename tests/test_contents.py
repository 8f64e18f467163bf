"""A container is told by content alone, and what is no sound is refused by its name."""

import time

import numpy as np
import pytest
from hostile.makers import encoded, id3, muxed, uncounted
from hostile.sounds import of

from stages.decoders import DECODERS
from stages.decoders.contents import container_of
from stages.decoders.sound import Refused
from stages.structures import STRUCTURES

SOUNDS = {
    "wav": encoded("WAV", "PCM_16", 800),
    "flac": encoded("FLAC", "PCM_16", 800),
    "ogg": encoded("OGG", "VORBIS", 800),
    "aiff": encoded("AIFF", "PCM_16", 800),
    "mp3": encoded("MP3", "MPEG_LAYER_III", 800),
    "m4a": muxed("aac", "mp4", 800, 16_000),
    "aac": muxed("aac", "adts", 8_000, 16_000),
    "webm": muxed("libopus", "webm", 800, 48_000, kind="flt"),
    "wma": muxed("wmav2", "asf", 8_000, 44_100, 2),
}


def refusal(data: bytes) -> Refused:
    """Return why `data` is no sound."""
    with pytest.raises(Refused) as caught:
        container_of(data)
    return caught.value


def test_every_container_has_a_decoder_a_structure_and_a_sound_here() -> None:
    assert set(DECODERS) == set(STRUCTURES) == set(SOUNDS)


@pytest.mark.parametrize("container", SOUNDS)
def test_a_container_is_told_by_its_content(container: str) -> None:
    assert container_of(SOUNDS[container]) == container


@pytest.mark.parametrize("container", ["flac", "mp3", "aac"])
def test_a_container_is_told_behind_an_id3_tag(container: str) -> None:
    assert container_of(id3(bytes(2000)) + SOUNDS[container]) == container


def test_an_mp3_without_tag_and_count_is_told_by_two_frames_in_a_row() -> None:
    bare = uncounted(SOUNDS["mp3"])
    assert container_of(bare) == "mp3"
    assert refusal(bare[:4] + bytes(len(bare))).reason == "not_audio"


def test_noise_is_no_sound() -> None:
    generator = np.random.default_rng(3)
    told = [
        sync + generator.bytes(2000)
        for sync in (b"\xff\xfb", b"\xff\xf3", b"\xff\xf1", b"\xff\xf9")
        for _ in range(500)
    ]
    n_refused = sum(not is_sound(data) for data in told)
    assert n_refused >= 1990  # by chance a second head stands where the first frame ends


def is_sound(data: bytes) -> bool:
    """Tell whether `data` passes for a sound."""
    try:
        container_of(data)
    except Refused:
        return False
    return True


@pytest.mark.parametrize("case", list(of("text")), ids=lambda case: case.name)
def test_what_is_no_sound_is_refused_by_name(case) -> None:
    assert refusal(case.data).reason in case.reasons


def test_a_refusal_says_what_the_content_looks_like_and_shows_how_it_begins() -> None:
    assert refusal(b"PK\x03\x04rest").message == "a zip; begins with b'PK\\x03\\x04rest'"
    assert refusal(b"Sorry, no such file.\n").message == "text; begins with b'Sorry, no such f'"
    assert "AVI" in refusal(b"RIFF\0\0\0\0AVI LIST").message


def test_a_text_made_to_keep_a_reader_busy_is_refused_at_once() -> None:
    begun = time.process_time()
    for text in ("<!-- -->" * 64, "<!--" * 128, "<?xml>" + "<!---->" * 70, "# \n" * 200, "a." * 256, "a.wav" * 100):
        assert refusal(text.encode()).reason in ("web_page", "not_audio", "playlist")
    assert time.process_time() - begun < 0.5


def test_every_page_and_playlist_is_refused_whatever_its_marks_spaces_and_case() -> None:
    for text, reason in (("<!DOCTYPE html><html>", "web_page"), ("#EXTM3U\none.wav\n", "playlist")):
        for variant in (text, text.lower(), text.upper(), f"\r\n \t{text}"):
            for encoding in ("utf-8", "utf-8-sig", "utf-16"):
                assert refusal(variant.encode(encoding)).reason == reason
