"""One section of params.yaml as a frozen, typed model that refuses what it does not know.

params.yaml is YAML 1.2, read by the loader that DVC takes: `yes`, `no`, `on`, `off` are words and `1e-3` is a number.
"""

import difflib
from collections.abc import Mapping
from copy import deepcopy
from functools import lru_cache
from pathlib import Path
from typing import TypeVar, get_args

from pydantic import BaseModel, ConfigDict, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

PARAMS_FILE = Path("params.yaml")


class ParamsError(ValueError):
    """A key of params.yaml is unknown, missing or not what it should be."""


class Section(BaseModel):
    """Base of every `Params`: frozen, strict about types, closed to unknown keys, no defaults, numbers finite."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


Model = TypeVar("Model", bound=Section)


def read_section(key: str, model: type[Model], path: Path = PARAMS_FILE) -> Model:
    """Return the section at `key` (dots descend, e.g. "extract.families.mel") as a `model`.

    Raises ParamsError that names file, key and value, and the nearest known key for a typo.
    """
    return check_section(_node_at(key, path), key, model, path)


def names_of(key: str, path: Path = PARAMS_FILE, may_be_empty: bool = False) -> tuple[str, ...]:
    """Return the names below the mapping at `key`, in the file's order, e.g. the families of "extract.families"."""
    node = _node_at(key, path)
    if not isinstance(node, Mapping) or not (node or may_be_empty):
        least = "names, or {} for none" if may_be_empty else "at least one name"
        raise ParamsError(f"{path}: {key} is {node!r}, expected a mapping of {least}; presets/ show how")
    return tuple(str(name) for name in node)


def check_section(node: object, key: str, model: type[Model], path: Path = PARAMS_FILE) -> Model:
    """Return `node`, the value found at `key` of `path`, as a `model`; raises ParamsError as read_section does."""
    try:
        return model.model_validate(_tuples(node))
    except ValidationError as error:
        found = sorted(error.errors(include_url=False), key=lambda item: item["type"] == "missing")  # typos first
        lines = [_sentence(item, key, model, path) for item in found]
        raise ParamsError("\n".join(lines)) from None


def read_yaml(path: Path) -> Mapping[str, object]:
    """Return the mapping in a YAML 1.2 file; raises ParamsError where there is none."""
    try:
        content = deepcopy(_content(path.read_bytes()))
    except FileNotFoundError:
        raise ParamsError(f"{path}: is missing; run from the repository's root, or copy one of presets/") from None
    except YAMLError as error:
        raise ParamsError(f"{path}: is not YAML 1.2: {error}") from None
    if not isinstance(content, Mapping):
        raise ParamsError(f"{path}: holds a {type(content).__name__}, expected a mapping of sections")
    return content


@lru_cache(maxsize=8)
def _content(text: bytes) -> object:
    """Return what a text in YAML 1.2 holds; it takes a while, and a stage asks for many sections of one text."""
    return YAML(typ="safe").load(text)


def _node_at(key: str, path: Path) -> object:
    node: object = read_yaml(path)
    walked: list[str] = []
    for part in key.split("."):
        known = list(node) if isinstance(node, Mapping) else []
        if part not in known:
            where = ".".join([*walked, part])
            raise ParamsError(f"{path}: {where} is missing{_hint(part, known)}; add it, presets/ show how")
        node = node[part]  # type: ignore[index]
        walked.append(part)
    return node


def _tuples(node: object) -> object:
    if isinstance(node, Mapping):
        return {key: _tuples(value) for key, value in node.items()}
    return tuple(_tuples(value) for value in node) if isinstance(node, list) else node


def _sentence(item: Mapping[str, object], key: str, model: type[Section], path: Path) -> str:
    location = [str(part) for part in item["loc"]]  # type: ignore[attr-defined]
    where = ".".join([key, *location])
    if item["type"] == "extra_forbidden":
        known = _keys_at(model, location[:-1])
        return f"{path}: {where} is not a known key{_hint(location[-1], known)}; known here: {', '.join(known)}"
    if item["type"] == "missing":
        return f"{path}: {where} is missing; add it, presets/ show how"
    message = str(item["msg"]).removeprefix("Value error, ").removeprefix("Input should be ")
    return f"{path}: {where} is {item['input']!r}, expected {message[:1].lower()}{message[1:]}"


def _keys_at(model: type[Section], location: list[str]) -> list[str]:
    """The keys a model knows at a location inside it; descends through nested sections and dicts of them."""
    current: object = model
    for part in location:
        fields = getattr(current, "model_fields", {})
        annotation = fields[part].annotation if part in fields else None
        sections = [inner for inner in (annotation, *get_args(annotation)) if hasattr(inner, "model_fields")]
        current = sections[0] if sections else (current if annotation is None else None)
    return sorted(getattr(current, "model_fields", {}))


def _hint(word: str, known: list[str]) -> str:
    near = difflib.get_close_matches(word, [str(key) for key in known], n=1)
    return f", did you mean {near[0]!r}" if near else ""
