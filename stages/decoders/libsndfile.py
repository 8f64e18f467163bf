"""wav, flac, ogg (Vorbis, Opus), mp3 and aiff through libsndfile, in blocks, counting what was read."""

import io

import numpy as np
import soundfile

from stages.decoders.sound import Limits, Refused, Sound

CONTAINERS = ("wav", "flac", "ogg", "mp3", "aiff")
BLOCK_FRAMES = 65_536
ESTIMATED = ("mp3",)  # its header may only estimate the length; decoding longer or shorter is not a sign of damage


def decode(data: bytes, container: str, limits: Limits) -> Sound:
    """Return the recording in `data`.

    Raises Refused: decoder_error, truncated (fewer frames than declared), too_many_channels, too_long, empty.
    """
    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            if file.channels > limits.max_channels:
                raise Refused("too_many_channels", f"{file.channels} channels, at most {limits.max_channels}")
            samples = _read(file, int(limits.max_s * file.samplerate))
            declared, rate, codec = file.frames, file.samplerate, file.subtype.lower()
    except soundfile.LibsndfileError as error:
        raise Refused("decoder_error", str(error)) from None
    if len(samples) == 0:
        raise Refused("empty", "no samples")
    if len(samples) < declared and container not in ESTIMATED:
        raise Refused("truncated", f"{len(samples):,} frames of {declared:,} declared")
    return Sound(samples, rate, container, codec)


def _read(file: soundfile.SoundFile, max_frames: int) -> np.ndarray:
    blocks = []
    n_frames = 0
    while len(block := file.read(BLOCK_FRAMES, dtype="float32", always_2d=True)):
        blocks.append(block)
        n_frames += len(block)
        if n_frames > max_frames:
            raise Refused("too_long", f"more than {max_frames / file.samplerate:g} s")
    return np.concatenate(blocks) if blocks else np.zeros((0, file.channels), np.float32)
