"""Files that FFmpeg writes, for benchmarks and tests; the same sound gives the same bytes."""

import io
from typing import cast

import av
import numpy as np
from av.audio.stream import AudioStream

LAYOUTS = {1: "mono", 2: "stereo"}


def m4a(sound: np.ndarray, rate_hz: int) -> bytes:
    """Return an AAC file of `sound` (n,) in -1..1."""
    return muxed(sound[:, None], "aac", "mp4", rate_hz)


def muxed(
    sound: np.ndarray,
    codec: str,
    container: str,
    rate_hz: int,
    kind: str = "fltp",
    bit_rate: int | None = None,
    **options: str,
) -> bytes:
    """Return a file of `sound` (n, n_channels) in -1..1; `options` are those of FFmpeg's muxer.

    `kind` are samples as the codec takes them: fltp, flt, s16p or s16; without a p in one channel alone.
    """
    layout = LAYOUTS[sound.shape[1]]
    samples = np.rint(sound * 32767).astype(np.int16) if kind.startswith("s16") else sound.astype(np.float32)
    target = io.BytesIO()
    with av.open(target, "w", format=container, options={"fflags": "+bitexact"} | options) as file:
        stream = cast(AudioStream, file.add_stream(codec, rate=rate_hz, layout=layout))
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        stream.codec_context.format = av.AudioFormat(kind)
        stream.codec_context.open()
        n_each = stream.codec_context.frame_size or len(samples)
        for start in range(0, len(samples), n_each):
            piece = np.ascontiguousarray(samples[start : start + n_each].T)
            frame = av.AudioFrame.from_ndarray(piece, format=kind, layout=layout)
            frame.sample_rate, frame.pts = rate_hz, start
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return target.getvalue()
