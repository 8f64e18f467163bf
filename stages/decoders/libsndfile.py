"""wav, flac, ogg (Vorbis, Opus), mp3 and aiff through libsndfile, in blocks, counting what was read."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import soundfile
from soundfile import _ffi, _snd

from stages.decoders.octets import Octets, Reader, opened
from stages.decoders.sound import Refused, Stream

CONTAINERS = ("wav", "flac", "ogg", "mp3", "aiff")
BLOCK_SAMPLES = 65_536
CODECS = {number: name.lower() for name, number in soundfile._subtypes.items()}
READERS = {"int16": (_snd.sf_readf_short, "short[]"), "float32": (_snd.sf_readf_float, "float[]")}


class Forward(soundfile.SoundFile):
    """A recording read from its first frame to its last and never sought in.

    soundfile seeks to where it is after each read; a seek restarts the MP3 decoder, whose output then differs by a
    rounding and which complains on stderr. What it asks and sets around opening and reading for other uses than this
    takes 40 us, a sixth of the time of a second of MP3, so that libsndfile is called here as it is called there.
    """

    def __init__(self, file: io.BytesIO | Reader | int) -> None:
        self._name, self._mode = file, "r"
        self._info = _ffi.new("SF_INFO*")
        self._file = self._open(file, _snd.SFM_READ, closefd=False)
        _snd.sf_command(self._file, _snd.SFC_SET_CLIPPING, _ffi.NULL, _snd.SF_TRUE)
        self.codec = CODECS.get(self._info.format & _snd.SF_FORMAT_SUBMASK, "n/a")

    def seekable(self) -> bool:
        return False

    def block(self, n_frames: int, kind: str) -> np.ndarray:
        """Return the next frames (n, n_channels), fewer than asked for at the end; raises LibsndfileError."""
        samples = np.empty((n_frames, self._info.channels), kind)
        read, ctype = READERS[kind]
        n_read = read(self._file, _ffi.from_buffer(ctype, samples), n_frames)
        error = _snd.sf_error(self._file)
        if error:
            raise soundfile.LibsndfileError(error)
        return samples[:n_read]


@contextmanager
def stream(data: Octets, container: str) -> Iterator[Stream]:
    """Open the recording in `data`. Raises Refused: decoder_error."""
    try:
        with _source(data) as source, Forward(source) as file:
            yield Stream(file.samplerate, file.channels, file.codec, _blocks(file))
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


def _blocks(file: Forward) -> Iterator[np.ndarray]:
    kind = "int16" if file.codec == "pcm_16" else "float32"
    # The header may lie, so it sizes the first block, not the last.
    n_frames = min(max(BLOCK_SAMPLES // file.channels, 1), file.frames + 1)
    while True:
        block = file.block(n_frames, kind)
        if len(block):
            yield block
        if len(block) < n_frames:
            return
