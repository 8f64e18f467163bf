"""m4a, aac, webm and wma through PyAV (FFmpeg), with the container forced so that nothing is probed."""

import io

import av
import numpy as np

from stages.decoders.sound import Limits, Refused, Sound

CONTAINERS = ("m4a", "aac", "webm", "wma")
FORMATS = {"m4a": "mov", "aac": "aac", "webm": "matroska", "wma": "asf"}


def decode(data: bytes, container: str, limits: Limits) -> Sound:
    """Return the first sound stream in `data`.

    Raises Refused: decoder_error, too_many_channels, too_long, empty.
    """
    try:
        with av.open(io.BytesIO(data), mode="r", format=FORMATS[container]) as file:
            if not file.streams.audio:
                raise Refused("empty", "no sound stream")
            stream = file.streams.audio[0]
            if stream.codec_context.channels > limits.max_channels:
                raise Refused(
                    "too_many_channels", f"{stream.codec_context.channels} channels, at most {limits.max_channels}"
                )
            rate, codec = stream.codec_context.sample_rate, stream.codec_context.name
            samples = _read(file, stream, int(limits.max_s * rate))
    except (av.FFmpegError, ValueError) as error:
        if isinstance(error, Refused):
            raise
        raise Refused("decoder_error", f"{type(error).__name__}: {error}") from None
    if len(samples) == 0:
        raise Refused("empty", "no samples")
    return Sound(samples, rate, container, codec)


def _read(file: "av.container.InputContainer", stream: "av.AudioStream", max_frames: int) -> np.ndarray:
    blocks = []
    n_frames = 0
    for frame in file.decode(stream):
        block = frame.to_ndarray()  # (n_channels, n) where planar, (1, n * n_channels) where interleaved
        if not frame.format.is_planar:
            block = block.reshape(-1, frame.layout.nb_channels).T
        blocks.append(_full_scale_one(block))
        n_frames += block.shape[1]
        if n_frames > max_frames:
            raise Refused("too_long", f"more than {max_frames / frame.sample_rate:g} s")
    return np.concatenate(blocks, axis=1).T if blocks else np.zeros((0, 1), np.float32)


def _full_scale_one(block: np.ndarray) -> np.ndarray:
    if np.issubdtype(block.dtype, np.floating):
        return block.astype(np.float32)
    if block.dtype == np.uint8:
        return (block.astype(np.float32) - 128.0) / 128.0
    return block.astype(np.float32) / np.float32(-float(np.iinfo(block.dtype).min))
