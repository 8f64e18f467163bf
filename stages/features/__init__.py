"""Feature families: samples -> frames. What a family's module holds is said in stages/features/family.py."""

from types import ModuleType

from stages.features import level, mel, mfcc, spectral

FAMILIES: dict[str, ModuleType] = {
    "mel": mel,
    "mfcc": mfcc,
    "spectral": spectral,
    "level": level,
}
