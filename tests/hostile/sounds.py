"""All odd and hostile recordings, the same each time: what tests of ingestion loop over."""

from collections.abc import Iterator
from functools import cache
from itertools import chain

from hostile.bombs import bombs
from hostile.case import Case
from hostile.cuts import cuts, flips
from hostile.mpeg_lies import mpeg_lies
from hostile.oddities import oddities
from hostile.texts import texts
from hostile.wav_lies import wav_lies
from hostile.xiph_lies import xiph_lies

GROUPS = ("odd", "lie", "cut", "flip", "text", "bomb")


@cache
def cases() -> tuple[Case, ...]:
    """Return every case, oddities first."""
    return tuple(chain(oddities(), wav_lies(), xiph_lies(), mpeg_lies(), cuts(), flips(), texts(), bombs()))


def of(group: str) -> Iterator[Case]:
    """Yield the cases of one of GROUPS."""
    return (case for case in cases() if case.group == group)
