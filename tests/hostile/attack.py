"""One archive to try, and what its index must be."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Attack:
    """An archive whose members are `rows`, path and reason of each; None: it must be refused whole."""

    name: str
    data: bytes
    rows: tuple[tuple[str, str], ...] | None
