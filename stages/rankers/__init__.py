"""What columns are worth. Each of RANKERS puts them in order: `order(seen: Ranked) -> their numbers, best first`."""

from types import ModuleType

from stages.rankers import effect, information, mrmr

RANKERS: dict[str, ModuleType] = {
    "effect": effect,
    "information": information,
    "mrmr": mrmr,
}
