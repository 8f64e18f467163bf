"""Any tar, tar.gz or zip in the plain layout `<label>/<any name>`, with an optional metadata.csv."""

from pathlib import Path

from stages.params import Section
from stages.sources.metadata import INDEX, Layout, describe
from stages.sources.source import Archive, Info
from stages.sources.transfer import Address, fetch

__all__ = ["INDEX", "INFO", "Layout", "Params", "collect", "describe"]

INFO = Info(title="an archive of labelled sounds", homepage="", licence="as its owner says", citation="")


class Params(Section):
    """Which archive."""

    archive: Address


def collect(options: Params, folder: Path) -> tuple[Archive, ...]:
    """Fetch the archive."""
    return (fetch(options.archive, folder, "download.options.archive"),)
