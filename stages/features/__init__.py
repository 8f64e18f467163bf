"""Feature families: samples -> frames. What a family's module holds is said in stages/features/family.py."""

from types import ModuleType

from stages.features import (
    cepstra,
    chroma,
    formants,
    harmonic,
    level,
    mel,
    mfcc,
    modulation,
    pitch,
    rhythm,
    spectral,
)

FAMILIES: dict[str, ModuleType] = {
    "mel": mel,
    "mfcc": mfcc,
    "cepstra": cepstra,
    "spectral": spectral,
    "chroma": chroma,
    "level": level,
    "pitch": pitch,
    "formants": formants,
    "harmonic": harmonic,
    "rhythm": rhythm,
    "modulation": modulation,
}
