"""All hostile archives, the same each time: what a test of the index loops over."""

from functools import cache
from itertools import chain

from hostile.archive_bombs import archive_bombs
from hostile.attack import Attack
from hostile.tar_attacks import tar_attacks
from hostile.zip_attacks import zip_attacks

MAX_BYTES = 100_000  # of one member, and
MAX_EXPANSION = 100.0  # are the limits for which the attacks are made


@cache
def attacks() -> tuple[Attack, ...]:
    """Return every attack: on tar, on zip, and bombs."""
    return tuple(chain(tar_attacks(), zip_attacks(), archive_bombs()))
