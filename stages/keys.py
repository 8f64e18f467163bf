"""The names that models, students and their ensemble go by: predictions and scores of all lie beside each other."""

from collections.abc import Sequence
from typing import Literal

from stages.params import PARAMS_FILE, ParamsError

ENSEMBLE = "ensemble"


def check_keys(models: Sequence[str], students: Sequence[str]) -> None:
    """Raise ParamsError where two of them have one name."""
    for section, names in (("train.models", models), ("distill", students)):
        if ENSEMBLE in names:
            raise ParamsError(
                f"{PARAMS_FILE}: {section}.{ENSEMBLE} has the name of the ensemble of all, expected another; rename it"
            )
    for name in students:
        if name in models:
            raise ParamsError(
                f"{PARAMS_FILE}: distill.{name} has the name of a model of train.models, expected another; rename it"
            )


def voters(where: str, names: Literal["all"] | Sequence[str], models: Sequence[str]) -> tuple[str, ...]:
    """Return which models are meant, in the order of `models`; `where` is the place of `names` in params.yaml.

    Raises ParamsError where one is unknown or comes twice, or there is none.
    """
    if names == "all":
        return tuple(models)
    for name in names:
        if name not in models:
            raise ParamsError(
                f"{PARAMS_FILE}: {where}: {name!r} is unknown, expected `all` or some of train.models: "
                f"{', '.join(models)}"
            )
    if not names or len(set(names)) < len(names):
        raise ParamsError(f"{PARAMS_FILE}: {where} is {list(names)}, expected `all` or at least one name, each once")
    return tuple(name for name in models if name in names)
