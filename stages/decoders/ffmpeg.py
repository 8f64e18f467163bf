"""m4a, aac, webm and wma through PyAV (FFmpeg), with the container forced so that nothing is probed.

PyAV is imported where it is used: it takes as long to load as all else in a worker, and most archives need none of it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np

from stages.decoders.octets import Octets, opened
from stages.decoders.sound import Refused, Stream

if TYPE_CHECKING:
    import av

CONTAINERS = ("m4a", "aac", "webm", "wma")
FORMATS = {"m4a": "mov", "aac": "aac", "webm": "matroska", "wma": "asf"}
CODECS = ("aac", "alac", "opus", "vorbis", "wmav1", "wmav2", "mp3", "mp3float", "flac", "pcm_s16le", "pcm_f32le")


@contextmanager
def stream(data: Octets, container: str) -> Iterator[Stream]:
    """Open the first sound stream in `data`. Raises Refused: empty, codec_not_allowed, decoder_error."""
    import av

    try:
        only_sound = {"codec_whitelist": ",".join(CODECS)}  # else pictures beside the sound are decoded too
        with av.open(opened(data), mode="r", format=FORMATS[container], options=only_sound) as file:
            if not file.streams.audio:
                raise Refused("empty", "no sound stream")
            source = file.streams.audio[0]
            codec = source.codec_context
            if codec is None or codec.name not in CODECS:
                name = "unknown" if codec is None else codec.name
                raise Refused("codec_not_allowed", f"{name}, expected one of {', '.join(CODECS)}")
            yield Stream(codec.sample_rate, codec.channels, codec.name, _blocks(file, source))
    except Refused:
        raise
    except (av.FFmpegError, ValueError) as error:
        raise Refused("decoder_error", f"{type(error).__name__}: {error}") from None


def _blocks(file: "av.container.InputContainer", source: "av.AudioStream") -> Iterator[np.ndarray]:
    for frame in file.decode(source):
        block = frame.to_ndarray()  # (n_channels, n) where planar, (1, n * n_channels) where interleaved
        yield _full_scale_one(block.T if frame.format.is_planar else block.reshape(-1, frame.layout.nb_channels))


def _full_scale_one(block: np.ndarray) -> np.ndarray:
    if block.dtype == np.int16:
        return block
    if np.issubdtype(block.dtype, np.floating):
        return block.astype(np.float32)
    if block.dtype == np.uint8:
        return (block.astype(np.float32) - 128.0) / 128.0
    return block.astype(np.float32) / np.float32(-float(np.iinfo(block.dtype).min))
