"""dvc.yaml says what the code does: every dependency, every parameter, nothing more."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import ROOT
from dag import CHOSEN, Stage, closure, code_of, imports, params_read, resolved

from stages.params import read_yaml
from stages.sources import SOURCES

STAGES = resolved(ROOT)
PRESETS = sorted((ROOT / "presets").glob("*.yaml"))
SCRIPTS = sorted({*(stage.module for stage in STAGES), "stages.distill"})  # params.yaml has no student
FOLDERS = ("stages", "apps", "benchmarks", "tests")
PYTHON = sorted(path for name in FOLDERS for path in (ROOT / name).rglob("*.py"))
each_stage = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)


def with_preset(preset: Path, folder: Path) -> Path:
    """A folder that DVC takes for the repository with another params.yaml."""
    folder.mkdir(exist_ok=True)
    shutil.copy(ROOT / "dvc.yaml", folder)
    shutil.copy(preset, folder / "params.yaml")
    (folder / "stages").symlink_to(ROOT / "stages")
    return folder


def names(path: Path) -> str:
    return str(path.relative_to(ROOT))


@each_stage
def test_deps_are_the_import_closure(stage: Stage) -> None:
    missing = sorted(closure(stage, ROOT) - code_of(stage, ROOT))
    lines = "".join(f"\n      - {name}" for name in missing)
    assert not missing, f"dvc.yaml: {stage.name} runs code that it does not depend on; paste below its deps:{lines}"


def test_no_dep_is_code_that_its_stage_never_runs(tmp_path: Path) -> None:
    """What is listed for all instances of a stage and all sources must be run by one of them, in some preset."""
    listed: dict[str, set[str]] = {}
    run: dict[str, set[str]] = {}
    for root in [ROOT, *(with_preset(preset, tmp_path / preset.stem) for preset in PRESETS)]:
        for stage in resolved(root):
            listed.setdefault(stage.module, set()).update(code_of(stage, root))
            run.setdefault(stage.module, set()).update(closure(stage, root))
    for script in SCRIPTS:
        assert listed[script] == run[script], f"{script}: listed and never run: {sorted(listed[script] - run[script])}"


@each_stage
def test_params_listed_are_the_params_read(stage: Stage) -> None:
    assert stage.params == params_read(stage, ROOT)


def test_every_section_of_params_is_read_by_a_stage() -> None:
    read = {key for stage in STAGES for key in stage.params}
    for section in read_yaml(ROOT / "params.yaml"):
        assert any(key.split(".")[0] == section for key in read), f"params.yaml: no stage reads {section}"


def test_the_stages_of_students_are_held_to_the_same(tmp_path: Path) -> None:
    stages = resolved(with_preset(ROOT / "presets/speech_commands.yaml", tmp_path))
    students = [stage for stage in stages if stage.name.startswith(("distill@", "evaluate_students@"))]
    assert len(students) == 2
    for stage in students:
        test_params_listed_are_the_params_read(stage)
        test_every_stage_depends_on_the_lock_of_what_computes(stage)
        test_a_stage_names_in_its_docstring_what_it_reads_and_writes(stage)


@each_stage
def test_every_stage_depends_on_the_lock_of_what_computes(stage: Stage) -> None:
    assert "requirements.lock" in stage.deps


@pytest.mark.parametrize(("package", "found"), [("stages", []), ("benchmarks", ["pandas", "sklearn"])])
def test_libraries_of_a_stage_load_nothing_that_is_not_in_its_lock(
    package: str, found: list[str], tmp_path: Path
) -> None:
    """What a stage imports itself is refused in words; what is run beside the stages has what is installed."""
    shutil.copytree(ROOT / "stages", tmp_path / "stages", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / package).mkdir(exist_ok=True)
    lines = ["import importlib.util, stages, lightgbm, pyarrow, sys", "pyarrow.array([])"]
    lines += ["print(*(name for name in stages.NOT_OURS if name in sys.modules))"]
    lines += ["assert importlib.util.find_spec('pandas')", "import pandas"]  # torch looks for it as well
    (tmp_path / package / "__init__.py").open("a").write("import stages\n" if package != "stages" else "")
    (tmp_path / package / "script.py").write_text("\n".join(lines))
    for option in (["-m", f"{package}.script"], [f"-m{package}.script"]):
        run = subprocess.run([sys.executable, *option], cwd=tmp_path, capture_output=True, text=True)
        assert run.stdout.split() == found
        refused = "ModuleNotFoundError: pandas is not in requirements.lock, so no stage loads it" in run.stderr
        assert (run.returncode, refused) == ((1, True) if package == "stages" else (0, False))
    locked = {line.partition("==")[0] for line in (ROOT / "requirements.lock").read_text().splitlines()}
    assert not locked & {"pandas", "scikit-learn"}


@each_stage
def test_a_stage_names_in_its_docstring_what_it_reads_and_writes(stage: Stage) -> None:
    text = ast.get_docstring(ast.parse((ROOT / f"{stage.module.replace('.', '/')}.py").read_text())) or ""
    for path in [*stage.outs, *(dep for dep in stage.deps if dep.startswith("data/"))]:
        folder = re.escape("/".join(path.split("/")[:2]).split(".")[0])
        assert re.search(folder, text), f"{stage.module}: its docstring does not name {path}"
    assert f"python -m {stage.module}" in text


def test_no_stage_and_no_noun_imports_a_stage() -> None:
    for path in PYTHON:
        if not names(path).startswith("stages/"):
            continue  # apps and tests look at the stages; no stage and no noun does
        for package, symbol in imports(path, ROOT):
            assert package not in SCRIPTS, f"{names(path)} imports {package}"
            assert f"{package}.{symbol}" not in SCRIPTS, f"{names(path)} imports {package}.{symbol}"


@pytest.mark.parametrize("package", sorted(CHOSEN))
def test_a_registry_of_which_one_is_chosen_is_imports_and_one_dict(package: str) -> None:
    path = ROOT / package.replace(".", "/") / "__init__.py"
    docstring, *body = ast.parse(path.read_text()).body
    assert isinstance(docstring, ast.Expr)
    assert all(isinstance(node, ast.ImportFrom) for node in body[:-1])
    assert isinstance(body[-1], ast.AnnAssign)
    assert isinstance(body[-1].value, ast.Dict)
    for key, value in zip(body[-1].value.keys, body[-1].value.values, strict=True):
        assert isinstance(key, ast.Constant)
        assert isinstance(value, ast.Name)
        assert key.value == value.id


def test_yaml_is_read_as_dvc_reads_it() -> None:
    for path in PYTHON:
        if path != Path(__file__).resolve():
            assert not re.search(r"^\s*(import yaml|from yaml)", path.read_text(), re.MULTILINE), names(path)


def test_no_folder_is_listed_unsorted_and_no_error_caught_in_general() -> None:
    for path in PYTHON:
        if names(path).startswith("stages/"):
            text = path.read_text()
            listings = [line for line in text.splitlines() if re.search(r"\b(r?glob|iterdir|listdir)\(", line)]
            assert all("sorted(" in line for line in listings), names(path)
            assert not re.search(r"except( Exception)?:", text), names(path)


def test_outs_are_in_data_and_tracked_results_in_metrics() -> None:
    outs = [out for stage in STAGES for out in stage.outs]
    assert len(outs) == len(set(outs))
    assert all(out.split("/")[0] in ("data", "metrics") for out in outs)


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_every_source_is_among_the_deps_of_what_reads_it(source: str, tmp_path: Path) -> None:
    root = with_preset(ROOT / "params.yaml", tmp_path)
    text = (root / "params.yaml").read_text()
    (root / "params.yaml").write_text(text.replace('source: "synthetic"', f'source: "{source}"'))
    for stage in resolved(root):
        assert closure(stage, root) <= code_of(stage, root), f"{source}: {stage.name}"


@pytest.mark.parametrize("preset", PRESETS, ids=lambda path: path.stem)
def test_a_preset_resolves_and_its_stages_depend_on_what_they_run(preset: Path, tmp_path: Path) -> None:
    root = with_preset(preset, tmp_path)
    for stage in resolved(root):
        assert closure(stage, root) <= code_of(stage, root), f"{preset.name}: {stage.name}"
