"""wav, flac, ogg (Vorbis, Opus), mp3 and aiff through libsndfile, in blocks, counting what was read."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import soundfile

from stages.decoders.octets import Octets, Reader, opened
from stages.decoders.sound import Refused, Stream

CONTAINERS = ("wav", "flac", "ogg", "mp3", "aiff")
BLOCK_SAMPLES = 65_536


class Forward(soundfile.SoundFile):
    """A recording read from its first frame to its last and never sought in.

    soundfile seeks to where it is after each read; a seek restarts the MP3 decoder, whose output then differs by a
    rounding and which complains on stderr.
    """

    def seekable(self) -> bool:
        return False


@contextmanager
def stream(data: Octets, container: str) -> Iterator[Stream]:
    """Open the recording in `data`. Raises Refused: decoder_error."""
    try:
        with _source(data) as source, Forward(source, closefd=False) as file:
            codec = file.subtype.lower()
            yield Stream(file.samplerate, file.channels, codec, _blocks(file, codec))
    except soundfile.LibsndfileError as error:
        raise Refused("decoder_error", str(error)) from None


@contextmanager
def _source(data: Octets) -> Iterator[io.BytesIO | Reader | int]:
    """What libsndfile reads from: where the system has files in memory one of these, without a detour over Python."""
    if not isinstance(data, bytes) or sys.platform != "linux":
        yield opened(data)
        return
    descriptor = os.memfd_create("recording")
    try:
        os.write(descriptor, data)
        os.lseek(descriptor, 0, os.SEEK_SET)
        yield descriptor
    finally:
        os.close(descriptor)


def _blocks(file: Forward, codec: str) -> Iterator[np.ndarray]:
    kind = "int16" if codec == "pcm_16" else "float32"
    # The header may lie, so it sizes the first block, not the last.
    n_frames = min(max(BLOCK_SAMPLES // file.channels, 1), file.frames + 1)
    while True:
        block = file.read(n_frames, dtype=kind, always_2d=True)
        if len(block):
            yield block
        if len(block) < n_frames:
            return
