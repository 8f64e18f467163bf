"""The embedded default: words spoken by espeak-ng, for data without a download (see stages/synthesis/spoken.py)."""

from pathlib import Path

from stages.sources.metadata import INDEX, Layout, describe
from stages.sources.source import Archive, Info, archive_in
from stages.synthesis.spoken import NAME, URL, Params, make

__all__ = ["INDEX", "INFO", "Layout", "Params", "collect", "describe"]

INFO = Info(
    title="spoken words made by espeak-ng",
    homepage="https://github.com/espeak-ng/espeak-ng",
    licence="the sounds are yours; espeak-ng is GPL-3, loaded at run time from the wheel espeakng-loader, not copied",
    citation="",
)


def collect(options: Params, folder: Path) -> tuple[Archive, ...]:
    """Make the archive `synthetic.tar` in `folder`."""
    make(options, folder / NAME)
    return (archive_in(folder, NAME, URL),)
