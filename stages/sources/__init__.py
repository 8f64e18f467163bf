"""Where sound comes from: what an archive holds, whose clip, which word, whose part."""

from types import ModuleType

from stages.sources import archive, folder, speech_commands, spoken_digits, synthetic

SOURCES: dict[str, ModuleType] = {
    "synthetic": synthetic,
    "speech_commands": speech_commands,
    "spoken_digits": spoken_digits,
    "folder": folder,
    "archive": archive,
}
