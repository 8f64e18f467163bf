"""Six kinds of file, cut off at every sixteenth and with single bits flipped: broken, whatever a decoder says."""

from collections.abc import Iterator

import numpy as np

from hostile.case import Case
from hostile.makers import encoded, muxed
from stages.tables.quarantine import REASONS

N = 16_000
N_CUTS, N_FLIPS = 15, 32
CHECKED = ("flac", "ogg", "opus")  # kinds whose every sample stands under a checksum
CUT = frozenset({"truncated", "damaged", "decoder_error", "not_audio", "empty"})


def whole_files() -> dict[str, bytes]:
    """Return one second of each of the six kinds."""
    return {
        "wav": encoded("WAV", "PCM_16", N),
        "flac": encoded("FLAC", "PCM_16", N),
        "mp3": encoded("MP3", "MPEG_LAYER_III", N),
        "ogg": encoded("OGG", "VORBIS", N),
        "opus": encoded("OGG", "OPUS", N),
        "m4a": muxed("aac", "mp4", N, 16_000),
    }


def cuts() -> Iterator[Case]:
    """Yield each file's first sixteenth, first two sixteenths, to the fifteenth."""
    for kind, data in whole_files().items():
        for sixteenths in range(1, N_CUTS + 1):
            yield Case("cut", f"{sixteenths}_of_16.{kind}", data[: len(data) * sixteenths // 16], reasons=CUT)


def flips() -> Iterator[Case]:
    """Yield each file with one bit flipped, at seeded places over the whole of it."""
    for number, (kind, data) in enumerate(whole_files().items()):
        places = np.random.default_rng([32, number]).choice(8 * len(data), N_FLIPS, replace=False)
        for place in sorted(places.tolist()):
            flipped = bytearray(data)
            flipped[place // 8] ^= 1 << place % 8
            yield Case("flip", f"bit_{place}.{kind}", bytes(flipped), reasons=frozenset(REASONS), original=data)
