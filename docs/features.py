# %% [markdown]
# # Who computes which features of sound, under which licence, and how fast
#
# A notebook kept as text. Run it: `python docs/features.py`. Open it: `jupytext --to notebook docs/features.py`.
# A family is what `stages/features/<family>` says it is.

# %%
import os
import sys

sys.path.extend([".", ".."])  # the repository, seen from its root and from docs/

from collections.abc import Callable, Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path

import librosa
import numpy as np
import soundfile
import soxr
from threadpoolctl import threadpool_limits

from benchmarks import peers
from benchmarks.extract import made_clips
from benchmarks.librosa_loop import Loop
from benchmarks.table import load, medians, report
from stages.features import FAMILIES
from stages.features.engine import CLIPS_PER_BATCH, as_float, batch_frames, computed
from stages.features.family import ClipComputation, Computation
from stages.features.schema import described
from stages.features.stft import Frame, Framing
from stages.params import names_of, read_section
from stages.tables import clips as clips_table
from stages.tables.parquet import read_table, shard_paths

PARAMS, CLIPS = (Path(peers.__file__).parent.parent / name for name in ("params.yaml", "data/clips"))
N_CLIPS, REPEATS = 32, 5  # a multiple of eight clips: earmark fills up the last eight with silence
RATE_HZ = peers.SAMPLE_RATE_HZ  # of all clips, which are a second long

# %% [markdown]
# ## The clips
#
# First seconds of sounds: those below the folder that the environment variable EARMARK_SOUNDS names; else those of
# `data/clips`, where `dvc repro` has run; else sounds made on the spot.

# %%
if folder := os.environ.get("EARMARK_SOUNDS"):
    paths = sorted(path for path in Path(folder).rglob("*") if path.suffix.lower() in {".wav", ".flac", ".ogg", ".mp3"})
    if not paths:
        sys.exit(f"{folder}: EARMARK_SOUNDS holds 0 files, expected wav, flac, ogg or mp3; name another folder")
    read = map(soundfile.read, paths[:: len(paths) // N_CLIPS + 1])
    sounds = [(np.atleast_2d(sound.T).mean(axis=0), rate_hz) for sound, rate_hz in read]
elif (CLIPS / "manifest.json").exists():
    part = read_table(shard_paths(CLIPS)[0], clips_table.TABLE)
    stored, rate_hz = as_float(clips_table.samples(part)), clips_table.sample_rate(part.schema)
    sounds = [(sound, rate_hz) for sound in stored[:: len(stored) // N_CLIPS + 1]]
else:
    sounds = [(sound, RATE_HZ) for sound in as_float(made_clips(N_CLIPS))]
starts = [soxr.resample(sound, rate_hz, RATE_HZ)[:RATE_HZ] for sound, rate_hz in sounds]
clips = np.stack([np.pad(start, (0, RATE_HZ - len(start))) for start in starts]).astype(np.float32)
print(f"{len(clips)} clips; EARMARK_SOUNDS is {folder!r}, {CLIPS} is {'there' if CLIPS.exists() else 'not there'}")

# %% [markdown]
# ## Libraries and licences
#
# As of 2026-11-21. Version, wheel and licence are what `pip download` gave for Python 3.11 on Linux (x86-64); where it
# gave no wheel, what PyPI and the library's own pages name. Sources were not built but for python_speech_features.
#
# | library | licence | version | on Python 3.11 |
# |---|---|---|---|
# | earmark | Apache-2.0 | this repository | |
# | librosa | ISC | 0.11.0; 1.0.0 of 2026-08 needs 3.12 | wheel, tried below |
# | torchaudio | BSD | 2.11.0, 2026-03 | wheel, for CUDA: did not load beside torch 2.13.0+cpu |
# | openSMILE (`opensmile`) | audEERING, non-commercial; PyPI's classifier says MIT | 2.6.0, 2025-07 | wheel |
# | Praat (`praat-parselmouth`) | GPL-3 or later | 0.4.7, 2025-11 | wheel, tried below |
# | essentia | AGPL-3 | 2.1b6.dev1389, 2025-07 | wheel, a pre-release |
# | spafe | BSD-3 | 0.3.3, 2024-05 | wheel, tried below |
# | python_speech_features | MIT | 0.6, 2017-08 | source, tried below |
# | kaldi-native-fbank | Apache-2.0 | 1.22.5, 2026-10 | wheel, tried below |
# | audioFlux | MIT | 0.1.9, 2024-05 | wheel, computes mel beside numpy 2 |
# | pyAudioAnalysis | Apache-2.0 | 0.3.14, 2022-02 | source |
# | surfboard | GPL-3, or commercial | 0.2.0, 2020-07 | source |
# | madmom | BSD; its models CC BY-NC-SA 4.0 | 0.16.1, 2018-11 | source; fails on 3.10 and later (its issues 535, 550) |
# | aubio | GPL-3 | 0.4.9, 2019-02 | source; its fork `aubio-ledfx` 0.4.12 has wheels |
#
# What each has of a family: ● its main numbers, ○ some of them. Those not tried below are judged by documentation,
# source and the names in the wheel.
#
# | library | mel | mfcc | spectral | level | pitch | formants | cepstra | chroma | harmonic | rhythm | modulation |
# |---|---|---|---|---|---|---|---|---|---|---|---|
# | earmark | ● | ● | ● | ● | ● | ● | ● | ● | ● | ● | ● |
# | librosa | ● | ● | ● | ● | ○ | ○ | | ● | ● | ● | |
# | torchaudio | ● | ● | ○ | ○ | ○ | | ○ | | | | |
# | openSMILE | ● | ● | ● | ● | ● | ● | ○ | ● | | ○ | ○ |
# | Praat | ● | ● | ○ | ● | ● | ● | ○ | | | | |
# | essentia | ● | ● | ● | ● | ○ | ○ | ○ | ● | ○ | ● | |
# | spafe | ● | ● | ● | | ○ | ○ | ● | | | | |
# | python_speech_features | ● | ● | ○ | ○ | | | | | | | |
# | kaldi-native-fbank | ● | ● | | ○ | | | | | | | |
# | audioFlux | ● | ● | ● | ● | ○ | | ○ | ● | ● | ○ | |
# | pyAudioAnalysis | | ● | ● | ● | ○ | ○ | | ● | | ○ | |
# | surfboard | ● | ● | ● | ● | ● | ● | | ● | | | |
# | madmom | ● | ● | ○ | ○ | | | | ● | ○ | ● | |
# | aubio | ● | ● | ● | ○ | ○ | | | | ○ | ● | |
#
# ## earmark, then librosa
#
# earmark's families are those of `params.yaml`, at a hop of 10 ms: frames and numbers of whole clips, no statistics.

# %%
FRAMING = Framing.of(Frame(window_s=peers.WINDOW_S, hop_s=peers.HOP_S), RATE_HZ)
WORKS: dict[str, dict[str, Callable[[], object]]] = {}  # family -> library -> all clips, one after the other


def tried(library: str, loops: Mapping[str, Loop]) -> None:
    """Print the shape of what each of `loops`, one a family, makes of a clip; keep it for the table of times."""
    print(library, version(library))
    for family, loop in loops.items():
        WORKS.setdefault(family, {})[library] = lambda loop=loop: [loop(clip) for clip in clips]
        print(f"{family:12}{loop(clips[0]).shape}")


def work(computation: Computation, of_clip: ClipComputation | None) -> None:
    for start in range(0, len(clips), CLIPS_PER_BATCH):
        batch = clips[start : start + CLIPS_PER_BATCH]
        frames = batch_frames(batch, computation)
        if of_clip is not None:
            of_clip(batch, frames, np.full(len(batch), RATE_HZ))


for family in names_of("extract.families", PARAMS):
    params = read_section(f"extract.families.{family}", FAMILIES[family].Params, PARAMS)
    WORKS[family] = {"earmark": partial(work, *computed(FAMILIES[family], params, FRAMING))}
    of_frame, of_whole = described(FAMILIES[family], params, RATE_HZ)
    print(f"{family:12}{len(of_frame)} numbers a frame, {len(of_whole)} a clip")

# %%
SOUND = {"sr": RATE_HZ, "hop_length": FRAMING.hop}
STFT = {"n_fft": peers.N_FFT, "win_length": FRAMING.window, "hop_length": FRAMING.hop}
BANDS = {"n_mels": peers.N_BANDS, "fmin": peers.LOWEST_HZ, "fmax": peers.HIGHEST_HZ, "sr": RATE_HZ, **STFT}
FRAME = {"frame_length": FRAMING.window, "hop_length": FRAMING.hop}
SHAPE = [getattr(librosa.feature, f"spectral_{name}") for name in ("centroid", "bandwidth", "rolloff", "contrast")]
LIBROSA: dict[str, Loop] = {
    "mel": lambda y: librosa.power_to_db(librosa.feature.melspectrogram(y=y, **BANDS)),
    "mfcc": lambda y: librosa.feature.mfcc(y=y, n_mfcc=13, **BANDS),
    "spectral": lambda y: np.concatenate([function(y=y, sr=RATE_HZ, **STFT) for function in SHAPE]),
    "level": lambda y: np.vstack([librosa.feature.rms(y=y, **FRAME), librosa.feature.zero_crossing_rate(y, **FRAME)]),
    "pitch": lambda y: librosa.yin(y, fmin=peers.PITCH_HZ[0], fmax=peers.PITCH_HZ[1], frame_length=640, **SOUND),
    "formants": lambda y: librosa.lpc(librosa.util.frame(y, **FRAME), order=12, axis=0),
    "chroma": lambda y: librosa.feature.chroma_stft(y=y, n_fft=2048, tuning=0.0, **SOUND),
    "harmonic": lambda y: np.stack(librosa.decompose.hpss(np.abs(librosa.stft(y, **STFT)))),
    "rhythm": lambda y: librosa.feature.tempogram(y=y, win_length=200, **SOUND),
}
tried("librosa", LIBROSA)

# %% [markdown]
# ## The others
#
# Their calls, a function each, are in `benchmarks/peers.py`: `fbank`, `mfcc`; `OnlineFbank`, `OnlineMfcc`; `gfcc`,
# `lfcc`, `plp`; `Sound.to_pitch_ac`, `to_harmonicity_ac`, jitter, shimmer, `to_formant_burg`; `Smile.process_signal`.

# %%
tried("python_speech_features", {"mel": peers.speech_features_log_mel, "mfcc": peers.speech_features_cepstrum})

# %%
tried("kaldi_native_fbank", {"mel": peers.kaldi_log_mel, "mfcc": peers.kaldi_cepstrum})

# %%
tried("spafe", {"cepstra": peers.cepstra})

# %%
tried("praat-parselmouth", {"pitch": peers.praat_voice, "formants": peers.praat_formants})

# %%
if "egemaps" in peers.PEERS:
    tried("opensmile", {"egemaps": peers.egemaps})
else:
    print("openSMILE's 88 numbers of eGeMAPS: read its licence, then `pip install opensmile`")

# %% [markdown]
# ## How fast
#
# A library's time is that of what its cell calls, seldom all that a family holds: librosa's pitch is YIN alone.

# %%
table: dict[str, dict[str, float]] = {}
for family, works in WORKS.items():
    with threadpool_limits(limits=1):
        seconds = medians(works, REPEATS)
    table[family] = {library: 1000 * taken / len(clips) for library, taken in seconds.items()}
report(table, None)
print(f"ms a clip on one core, medians of {REPEATS}; {len(clips)} clips, load {load()} on {os.cpu_count()} cores")

# %% [markdown]
# ## What follows
#
# Of the libraries whose licence asks for little more than to be named, librosa and audioFlux have the most families;
# jitter, shimmer and formants come from Praat, surfboard (both GPL-3) or openSMILE (non-commercial). earmark has them
# under Apache-2.0 and is tested against librosa, Praat and spafe, which it does not ship. Read times along a row.
