"""What a recording's bytes must hold together: one module for each container, told by content.

Each has `declared(data)`, which reads headers and walks what lies behind them, decodes nothing, and raises Refused
where less is there than is declared, where a checksum or the structure is broken, and for codecs that are not allowed.
"""

from types import ModuleType

from stages.structures import adts, aiff, asf, flac, matroska, mp4, mpeg, ogg, riff

STRUCTURES: dict[str, ModuleType] = {
    "wav": riff,
    "flac": flac,
    "ogg": ogg,
    "mp3": mpeg,
    "aiff": aiff,
    "m4a": mp4,
    "aac": adts,
    "webm": matroska,
    "wma": asf,
}
