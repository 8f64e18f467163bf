"""One figure of a sound, all representations side by side, as the pipeline computes them from params.yaml.

Waveform, spectrum, spectrogram, mel bands, MFCC, chroma, pitch over the spectrogram, level: of any file that `decode`
takes, at the rate of the clips. Pitch is drawn where a frame is voiced.

Run  python -m apps.figure FILE [--start SECONDS] [--seconds SECONDS] [--output PNG or SVG]
"""

import argparse
import math
import os
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from apps.panels import PANELS, Sound, spectrum
from stages.decode import Params
from stages.decoders.recording import Recording, decoded
from stages.decoders.sound import Refused
from stages.features.stft import Frame, Framing
from stages.params import read_section
from stages.scratch import scratch


def sound_of(path: Path, params: Params) -> tuple[np.ndarray, Recording]:
    """Return the samples (n,) of a file, int16 or float32, at the rate of the clips. Raises Refused."""
    if not path.is_file():
        raise FileNotFoundError("no such file")
    with scratch(f"figure-{os.getpid()}") as room:
        recording = decoded(path.read_bytes(), params.sample_rate_hz, params.limits, room)
        return recording.mono[0 : len(recording.mono)], recording


def drawn(samples: np.ndarray, start_s: float, framing: Framing, title: str) -> Figure:
    """Return the figure of samples (n,) that begin `start_s` into their recording."""
    figure = Figure(figsize=(14, 13), layout="constrained")
    figure.suptitle(title, fontsize=11, parse_math=False)
    places = iter(figure.subplots(4, 2).ravel())
    sound = Sound(samples, start_s, framing)
    for draw in PANELS:
        place = next(places)
        draw(place, sound)
        if draw is not spectrum:
            place.set(xlabel="time (s)", xlim=(start_s, start_s + len(samples) / framing.sample_rate))
    return figure


def main() -> None:
    """Draw the file named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m apps.figure", description="Draw all representations of a sound.")
    parser.add_argument("file", type=Path)
    parser.add_argument("--start", type=float, default=0.0, help="where to begin, s")
    parser.add_argument("--seconds", type=float, default=10.0, help="how much to draw, s (default: 10)")
    parser.add_argument("--output", type=Path, help="PNG, SVG or PDF (default: FILE's name with .png, here)")
    chosen = parser.parse_args()
    params = read_section("decode", Params)
    framing = Framing.of(read_section("extract.frame", Frame), params.sample_rate_hz)
    if not (0 <= chosen.start < math.inf and 0 < chosen.seconds < math.inf):
        parser.error("--start is from 0 on and --seconds above 0")
    try:
        samples, recording = sound_of(chosen.file, params)
    except (OSError, Refused) as error:
        sys.exit(f"{chosen.file}: {error}")
    first = round(chosen.start * params.sample_rate_hz)
    part = samples[first : first + round(chosen.seconds * params.sample_rate_hz)]
    if len(part) < framing.window:
        sys.exit(f"{chosen.file}: holds {len(samples) / params.sample_rate_hz:.3f} s, nothing to draw from --start on")

    mpl.use("agg")
    output = chosen.output or Path(f"{chosen.file.stem}.png")
    title = f"{chosen.file.name}: {recording.codec}, {recording.native_rate_hz:,} Hz; at {params.sample_rate_hz:,} Hz"
    try:
        drawn(part, chosen.start, framing, title).savefig(output, dpi=110)
    except (OSError, ValueError) as error:  # no such folder or format, or too short for a family
        sys.exit(f"{chosen.file}: cannot be drawn in {output}: {error}")
    print(f"{chosen.file}: {len(part) / params.sample_rate_hz:.2f} s drawn in {output}")


if __name__ == "__main__":
    main()
