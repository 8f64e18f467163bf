"""espeak-ng, the formant synthesizer: text -> samples.

The library comes with the wheel `espeakng-loader` and is loaded at run time; it is GPL-3 and nothing of it is copied.
Its statics make a sound depend on everything said before in the same process: for sounds that repeat, each speaker
needs a fresh process, a fixed order of utterances, and the random seed that `say` sets before each.
"""

import ctypes
from pathlib import Path

import numpy as np

from stages.origin import SourceError

SLOWEST, FASTEST = 80, 450  # words a minute that espeak-ng itself renders

# espeak-ng/speak_lib.h
SYNCHRONOUS, DONT_EXIT, UTF8, FROM_CHARACTER = 2, 0x8000, 1, 1
RATE, VOLUME, PITCH, PITCH_RANGE = 1, 2, 3, 4
QUIET = 40  # of 100: the loudest variants overflow 16 bits at 100
CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)

ELSEWHERE = (
    "install it with `pip install espeakng-loader` from requirements.lock, or choose another source: "
    "set download.source in params.yaml, or copy one of presets/ over it"
)


class Synthesizer:
    """The one engine of this process; `sample_rate` is its own, in Hz."""

    def __init__(self) -> None:
        """Load the library; raises SourceError where it cannot be."""
        library, data = _locate()
        try:
            self._library = ctypes.CDLL(str(library))
        except OSError as error:
            raise SourceError(f"{library}: espeak-ng does not load: {error}; {ELSEWHERE}") from None
        self.sample_rate = self._library.espeak_Initialize(SYNCHRONOUS, 0, str(data).encode(), DONT_EXIT)
        if self.sample_rate <= 0:
            hint = "its path may have at most 150 letters, or " if len(str(data)) > 150 else ""
            raise SourceError(f"{data}: espeak-ng does not start from its data; {hint}{ELSEWHERE}")
        self._blocks: list[np.ndarray] = []
        self._callback = CALLBACK(self._collect)  # kept: the library holds no reference
        self._library.espeak_SetSynthCallback(self._callback)

    def set_voice(self, accent: str, variant: str) -> None:
        """Speak with a variant (a throat) and an accent (a language by its espeak-ng name) from now on."""
        if self._library.espeak_SetVoiceByName(f"{accent}+{variant}".encode()):
            raise SourceError(f"espeak-ng: has no voice {accent}+{variant}; see accents in download.options.voices")

    def say(self, text: str, words_per_minute: int, pitch: int, pitch_range: int, seed: int) -> np.ndarray:
        """Return the sound of `text` (n,) int16; pitch and its range are 0..100 of what the variant can do.

        Raises SourceError where the engine reports an error.
        """
        settings = {RATE: words_per_minute, VOLUME: QUIET, PITCH: pitch, PITCH_RANGE: pitch_range}
        for parameter, value in settings.items():
            self._library.espeak_SetParameter(parameter, value, 0)
        self._library.espeak_ng_SetRandSeed(seed)
        self._blocks.clear()
        written = text.encode()
        error = self._library.espeak_Synth(written, len(written) + 1, 0, FROM_CHARACTER, 0, UTF8, None, None)
        if error:
            raise SourceError(f"espeak-ng: cannot speak {text!r}, it reports error {error}")
        return np.concatenate(self._blocks) if self._blocks else np.zeros(0, np.int16)

    def _collect(self, samples: ctypes.Array, n_samples: int, _events: int) -> int:
        if samples and n_samples > 0:
            self._blocks.append(np.ctypeslib.as_array(samples, shape=(n_samples,)).copy())
        return 0


def accents() -> list[str]:
    """Return the accents and languages there are, e.g. "en-us", sorted."""
    _, data = _locate()
    return sorted(path.name.lower() for path in (data / "lang").rglob("*") if path.is_file())


def variants() -> list[str]:
    """Return the voice variants there are, e.g. "Andy", sorted."""
    _, data = _locate()
    return sorted(path.name for path in (data / "voices" / "!v").iterdir())


def _locate() -> tuple[Path, Path]:
    """Where the library and its data lie."""
    try:
        import espeakng_loader
    except ImportError:
        raise SourceError(f"espeakng_loader: is not installed; {ELSEWHERE}") from None
    library, data = Path(espeakng_loader.get_library_path()), Path(espeakng_loader.__file__).parent / "espeak-ng-data"
    for path in (library, data):
        if not path.exists():
            raise SourceError(f"{path}: is missing, so espeak-ng cannot speak; {ELSEWHERE}")
    return library, data
