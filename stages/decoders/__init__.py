"""Bytes -> samples: which decoder reads which container. The container is told by content, never by a file's name."""

from types import ModuleType

from stages.decoders import ffmpeg, libsndfile

DECODERS: dict[str, ModuleType] = {
    **dict.fromkeys(libsndfile.CONTAINERS, libsndfile),
    **dict.fromkeys(ffmpeg.CONTAINERS, ffmpeg),
}
