"""`python -m apps.figure` draws any sound that decode takes, and says what it cannot draw."""

import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, encoded, tone

from apps import figure
from stages.features.stft import Framing


def draw(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> None:
    monkeypatch.setattr(sys, "argv", ["figure", *map(str, arguments)])
    figure.main()


@pytest.fixture
def project(in_folder: Path) -> Path:
    (in_folder / "params.yaml").symlink_to(ROOT / "params.yaml")
    return in_folder


def test_a_recording_of_any_kind_becomes_a_picture(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "a.ogg").write_bytes(encoded(tone(2.5, rate_hz=44_100), rate_hz=44_100, kind="OGG", subtype="VORBIS"))
    draw(monkeypatch, "a.ogg", "--start", 1, "--seconds", 1)
    assert (project / "a.png").read_bytes().startswith(b"\x89PNG")
    (project / "$x_{$.ogg").symlink_to("a.ogg")
    draw(monkeypatch, "$x_{$.ogg", "--output", "b.svg")
    assert b"<svg" in (project / "b.svg").read_bytes()[:500]


def test_every_panel_has_its_unit_and_shows_the_tone_where_it_is(project: Path) -> None:
    framing = Framing(16_000, 400, 320)
    drawn = figure.drawn((16_000 * tone(1.0)).astype(np.int16), 0.0, framing, "tone")
    panels = [place for place in drawn.axes if place.get_title()]
    assert len(panels) == 8
    for place in panels:
        assert place.get_xlabel() in ("time (s)", "frequency (Hz)")
        assert place.get_ylabel()
    pitch = next(place for place in panels if place.get_title().startswith("pitch"))
    np.testing.assert_allclose(pitch.lines[0].get_ydata()[3:-3], 440, atol=2)  # a lag is 12 Hz there


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["text.wav"], "text.wav: not_audio: text; begins with"),
        (["absent.wav"], "absent.wav: no such file"),
        (["a.wav", "--start", "0.95"], "a.wav: cannot be drawn in a.png: .*delta_width is 9, but a clip has only"),
        (["a.wav", "--output", "a.xyz"], "a.wav: cannot be drawn in a.xyz: .*xyz"),
        (["a.wav", "--start", "2"], "a.wav: holds 1.000 s, nothing to draw from --start on"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_words(
    project: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], message: str
) -> None:
    (project / "text.wav").write_text("no sound")
    (project / "a.wav").write_bytes(encoded(tone(1.0)))
    with pytest.raises(SystemExit, match=message):
        draw(monkeypatch, *arguments)
