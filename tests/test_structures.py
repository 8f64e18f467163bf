"""Odd but valid files decode to their right length; what lies, breaks off or is broken is refused by its name."""

import struct
from collections import Counter

import numpy as np
import pytest
from hostile.case import Case
from hostile.cuts import CHECKED
from hostile.makers import encoded, mended, mpeg_frames, pages, patched, uncounted
from hostile.outcome import native, wrong
from hostile.sounds import GROUPS, cases, of

from stages.decoders.contents import container_of
from stages.decoders.sound import Refused
from stages.files import BLOCK_BYTES
from stages.structures import STRUCTURES
from stages.structures.declared import Declared
from stages.structures.spliced import Spliced
from stages.tables.quarantine import REASONS

SHOWN = {"odd": 100, "lie": 150, "cut": 90, "flip": 192, "text": 30, "bomb": 14}


class Lazy:
    """Bytes that give slices alone, and keep how long the longest was."""

    def __init__(self, data: bytes) -> None:
        self._data, self.longest = data, 0

    def __len__(self) -> int:
        return len(self._data)

    def __getitem__(self, place: slice) -> bytes:
        piece = self._data[place]
        self.longest = max(self.longest, len(piece))
        return piece


def declared(data: bytes) -> Declared:
    """Return what a whole file declares."""
    return STRUCTURES[container_of(data)].declared(data)


def reason(data: bytes | Lazy) -> str:
    """Return why a structure refuses `data`, "" where it does not."""
    try:
        STRUCTURES[container_of(data)].declared(data)
    except Refused as refused:
        return refused.reason
    return ""


def outcome(data: bytes) -> str:
    """Return "sound" where `data` decodes, else why it is refused."""
    try:
        return "sound" if native(data).n_frames else "nothing"
    except Refused as refused:
        return refused.reason


def test_there_are_enough_files_of_each_group_and_all_have_their_own_names() -> None:
    assert {group: sum(1 for _ in of(group)) >= SHOWN[group] for group in GROUPS} == dict.fromkeys(GROUPS, True)
    assert len({(case.group, case.name) for case in cases()}) == len(cases())
    assert all(case.reasons <= set(REASONS) for case in cases())


@pytest.mark.parametrize("case", list(of("odd")), ids=lambda case: case.name)
def test_a_valid_oddity_decodes_to_its_right_length(case: Case) -> None:
    assert wrong(case) == ""


@pytest.mark.parametrize("case", list(of("lie")), ids=lambda case: case.name)
def test_a_lying_header_is_refused_for_what_it_is(case: Case) -> None:
    assert wrong(case) == ""


@pytest.mark.parametrize("group", ["cut", "bomb", "text"])
def test_all_of_a_group_are_refused(group: str) -> None:
    assert [message for message in map(wrong, of(group)) if message] == []


def test_a_flipped_bit_never_changes_samples_in_silence_where_a_checksum_guards_them() -> None:
    guarded = [case for case in of("flip") if case.name.endswith(CHECKED)]
    assert len(guarded) == 96
    assert [message for message in map(wrong, guarded) if message] == []


def test_a_flipped_bit_elsewhere_gives_samples_or_a_refusal_and_no_other_error() -> None:
    unguarded = [case for case in of("flip") if not case.name.endswith(CHECKED)]
    assert len(unguarded) == 96
    for case in unguarded:
        assert outcome(case.data) in {"sound", *REASONS}


@pytest.mark.parametrize("kind", ["flac", "ogg"])
def test_every_single_bit_of_a_small_file_may_flip(kind: str) -> None:
    data = encoded("FLAC", "PCM_16", 20) if kind == "flac" else encoded("OGG", "OPUS", 20)
    whole = native(data)
    for place in range(8 * len(data)):
        flipped = patched(data, place // 8, bytes((data[place // 8] ^ 1 << place % 8,)))
        assert outcome(flipped) != "sound" or native(flipped) == whole, place


def test_bytes_overwritten_anywhere_lead_to_a_refusal_or_a_declaration_and_no_other_error() -> None:
    generator = np.random.default_rng(5)
    wholes = [case.data for case in of("odd") if len(case.data) < 1 << 15]
    told = Counter()
    for number in range(5_000):
        data = wholes[number % len(wholes)]
        for place in generator.integers(0, min(len(data), 400), 3).tolist():
            data = patched(data, place, generator.bytes(int(generator.integers(1, 5))))
        told[reason(data)] += 1
    assert set(told) <= {"", *REASONS}
    assert min(told[""], told["damaged"], told["truncated"]) > 200


def test_structures_read_from_any_octets_in_bounded_pieces() -> None:
    for case in cases():
        lazy = Lazy(case.data)
        assert reason(lazy) == reason(case.data), case.name
        assert lazy.longest <= BLOCK_BYTES + 3, case.name


def test_plain_16_bit_samples_are_found_where_they_lie() -> None:
    data = encoded("WAV", "PCM_16", 800, 22_050, 2)
    pcm = declared(data).pcm
    assert (pcm.offset, pcm.n_bytes, pcm.n_channels, pcm.rate_hz) == (44, 3200, 2, 22_050)
    assert declared(encoded("WAV", "PCM_24", 800)).pcm is None


def test_flac_declares_the_md5_of_its_samples_and_none_where_it_is_zero() -> None:
    data = encoded("FLAC", "PCM_24", 800)
    assert (declared(data).md5, declared(data).n_bits) == (data[26:42], 24)
    assert declared(patched(data, 26, bytes(16))).md5 == b""


def test_an_mp3_without_a_count_is_given_one() -> None:
    bare = uncounted(encoded("MP3", "MPEG_LAYER_III", 16_000))
    sound = declared(bare).sound
    places = mpeg_frames(sound)
    assert sound[places[1] :] == bare
    at = sound.index(b"Info")
    assert int.from_bytes(sound[at + 8 : at + 12], "big") == len(places) - 1 == len(mpeg_frames(bare))
    assert int.from_bytes(sound[at + 12 : at + 16], "big") == len(sound)


def test_spliced_octets_give_the_same_slices_as_bytes() -> None:
    data = bytes(range(40))
    lazy, whole = Spliced(b"head", Lazy(data), 10, 30), b"head" + data[10:30]
    assert len(lazy) == len(whole)
    for start in range(-2, 28):
        for stop in range(-2, 28):
            assert lazy[start:stop] == whole[start:stop], (start, stop)


def test_an_mp3_over_several_blocks_is_walked_to_its_end() -> None:
    bare = uncounted(encoded("MP3", "MPEG_LAYER_III", 16_000))
    n_times = BLOCK_BYTES * 5 // 2 // len(bare)
    n_frames = n_times * len(mpeg_frames(bare))
    assert declared(bare * n_times).n_frames == n_frames * 576 - 529
    assert reason(bare * n_times + bare[:-1]) == "truncated"


def test_an_ogg_over_several_blocks_is_walked_to_its_end() -> None:
    first = next(pages(encoded("OGG", "VORBIS", 20)))
    many = [
        bytearray(struct.pack("<4sBBqIIIB", b"OggS", 0, 4 * (n == 60), 1000 * n, 1, n, 0, 255))
        + bytes([250] * 255 + [n] * 63_750)
        for n in range(1, 61)
    ]
    data = mended([first, *many])
    assert len(data) > 3 * BLOCK_BYTES
    broken = patched(data, len(data) - 9, b"\0")
    assert (declared(data).n_frames, reason(broken), reason(data[:-1])) == (60_000, "damaged", "truncated")
