"""The DAG as DVC resolves it, and as the code says it should be."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dvc.dependency.param import ParamsDependency
from dvc.repo import Repo

from stages.params import read_yaml

# Registries of which a stage uses one entry: where its name comes from. Their `__init__.py` names modules and does
# nothing else (a test holds it to that), so a stage depends on the module it uses and not on the list. A stage that may
# use any of them, for which the name is None, depends on them all.
CHOSEN = {
    "stages.sources": lambda params, stage: params["download"]["source"],
    "stages.features": lambda params, stage: stage.argument if stage.module == "stages.extract" else None,
    "stages.models": lambda params, stage: (params["train"]["models"] | params["distill"])[stage.argument]["model"],
}
# A student's teachers may be any models, which dvc.yaml cannot look up: the folder stands for all of them.
WHOLE = {("stages.distill", "stages.models")}


@dataclass(frozen=True)
class Stage:
    """One resolved stage: its name, module, argument, and what dvc.yaml lists."""

    name: str
    module: str
    argument: str
    deps: frozenset[str]
    params: frozenset[str]
    outs: frozenset[str]


def resolved(root: Path) -> list[Stage]:
    """Return the stages of dvc.yaml in `root` with its params.yaml, resolved by DVC."""
    stages = []
    for stage in Repo(str(root), uninitialized=True).index.stages:
        _, _, module, argument, *_ = (*stage.cmd.split(), "")
        params = {p for dep in stage.deps if isinstance(dep, ParamsDependency) for p in dep.params}
        deps = {dep.def_path for dep in stage.deps if not isinstance(dep, ParamsDependency)}
        outs = {out.def_path for out in stage.outs}
        stages.append(Stage(stage.name, module, argument, frozenset(deps), frozenset(params), frozenset(outs)))
    return stages


def code_of(stage: Stage, root: Path) -> frozenset[str]:
    """Return the files of code that a stage lists; a folder stands for the modules in it."""
    files = set()
    for dep in stage.deps:
        if dep.startswith("stages"):
            path = root / dep
            files |= {str(p.relative_to(root)) for p in path.rglob("*.py")} if path.is_dir() else {dep}
    return frozenset(name for name in files if not _is_only_a_docstring(root / name))


def _is_only_a_docstring(path: Path) -> bool:
    return path.name == "__init__.py" and len(ast.parse(path.read_text()).body) == 1


def closure(stage: Stage, root: Path) -> frozenset[str]:
    """Return the files of code that a stage runs, by its imports; of a registry, the module it chooses."""
    params = read_yaml(root / "params.yaml")
    found = {"stages/__init__.py"}  # runs before any module of the package
    waiting = [stage.module]
    while waiting:
        module = waiting.pop()
        path = module_path(module, root)
        name = str(path.relative_to(root))
        if name in found:
            continue
        found.add(name)
        for package, symbol in imports(path, root):
            target = f"{package}.{symbol}" if symbol else package
            if module_path(target, root).exists():
                waiting.append(target)
            elif (stage.module, package) in WHOLE:
                folder = module_path(package, root).parent
                waiting += [package, *(f"{package}.{file.stem}" for file in sorted(folder.glob("[!_]*.py")))]
            else:
                chosen = CHOSEN[package](params, stage) if package in CHOSEN else None
                waiting.append(f"{package}.{chosen}" if chosen else package)
    return frozenset(found)


def imports(path: Path, root: Path) -> Iterator[tuple[str, str]]:
    """Yield (package, symbol) for each import of the project's own code anywhere in a file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "stages":
            yield from ((node.module or "", alias.name) for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names if alias.name.split(".")[0] == "stages")


def module_path(module: str, root: Path) -> Path:
    """Return the file of a module of the project."""
    path = root / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def params_read(stage: Stage, root: Path) -> frozenset[str]:
    """Return the keys that a stage's file gives to read_section and names_of, its argument filled in."""
    keys = set()
    for node in ast.walk(ast.parse(module_path(stage.module, root).read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("read_section", "names_of"):
            keys.add(_text(node.args[0], stage.argument))
    return frozenset(keys)


def _text(node: ast.expr, argument: str) -> str:
    if isinstance(node, ast.JoinedStr):
        parts = [part.value if isinstance(part, ast.Constant) else argument for part in node.values]
        return "".join(str(part) for part in parts)
    if isinstance(node, ast.Constant):
        return str(node.value)
    raise TypeError(f"line {node.lineno}: the key of params.yaml is computed; write it out, or as an f-string")
