"""wav, flac, ogg (Vorbis, Opus), mp3 and aiff through libsndfile, in blocks, counting what was read."""

import io

import numpy as np
import soundfile

from stages.decoders.sound import Limits, Refused, Sound

CONTAINERS = ("wav", "flac", "ogg", "mp3", "aiff")
BLOCK_FRAMES = 65_536
ESTIMATED = ("mp3",)  # its header may only estimate the length; decoding longer or shorter is not a sign of damage


class Forward(soundfile.SoundFile):
    """A recording read from its first frame to its last and never sought in.

    soundfile seeks to where it is after each read; a seek restarts the MP3 decoder, whose output then differs by a
    rounding and which complains on stderr.
    """

    def seekable(self) -> bool:
        return False


def decode(data: bytes, container: str, limits: Limits) -> Sound:
    """Return the recording in `data`.

    Raises Refused: decoder_error, truncated (fewer frames than declared), too_many_channels, too_long, empty.
    """
    try:
        with Forward(io.BytesIO(data)) as file:
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


def _read(file: Forward, max_frames: int) -> np.ndarray:
    block_frames = min(BLOCK_FRAMES, file.frames + 1)  # the header may lie, so it sizes the first block, not the last
    blocks: list[np.ndarray] = []
    n_frames = 0
    while n_frames == block_frames * len(blocks):  # a short block is the last
        blocks.append(file.read(block_frames, dtype="float32", always_2d=True))
        n_frames += len(blocks[-1])
        if n_frames > max_frames:
            raise Refused("too_long", f"more than {max_frames / file.samplerate:g} s")
    return blocks[0] if len(blocks) == 1 else np.concatenate(blocks)
