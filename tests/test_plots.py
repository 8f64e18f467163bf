"""`python -m apps.plots` draws every plot of dvc.yaml, from DVC's own rows and templates, without a network."""

import json
import re
import shutil
import sys
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from conftest import ROOT, run
from drawing import HOSTILE, MADE
from scipy.stats import norm

from apps import plots

TEMPLATES = sorted(path.stem for path in (ROOT / ".dvc/plots").iterdir())


class Drawn:
    """Marks and texts of an SVG file."""

    def __init__(self, path: Path) -> None:
        self.elements = list(ElementTree.parse(path).iter())
        self.texts = {element.text for element in self.elements if element.text}
        self.bytes = path.read_bytes()

    def marks(self, kind: str) -> list[ElementTree.Element]:
        return [element for element in self.elements if element.get("aria-roledescription") == kind]

    def mark(self, kind: str, of: str) -> ElementTree.Element:
        return next(mark for mark in self.marks(kind) if of in mark.get("aria-label", ""))


def width(mark: ElementTree.Element) -> float:
    """Return the width of a rectangle, drawn as `M0,0h12v3h-12Z`."""
    return float(re.findall(r"h([\d.]+)v", mark.get("d", ""))[0])


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"[\d.]+", text)]


def draw(folder: Path, *arguments: str) -> str:
    return run(folder, sys.executable, "-m", "apps.plots", *arguments).stderr


def drawn(folder: Path, template: str) -> Drawn:
    return Drawn(folder / "plots" / f"{plots.short(MADE[template].path)}.svg")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with our plots and made rows, committed and drawn."""
    folder = tmp_path_factory.mktemp("plots") / "project"
    (folder / ".dvc").mkdir(parents=True)
    for name in ("dvc.yaml", "params.yaml", ".dvc/config"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / ".dvc/plots", folder / ".dvc/plots")
    for name in ("apps", "stages"):
        (folder / name).symlink_to(ROOT / name)
    for made in MADE.values():
        (folder / made.path).parent.mkdir(parents=True, exist_ok=True)
        (folder / made.path).write_text(made.rows)
    run(folder, "git", "init", "--quiet")
    run(folder, "git", "add", ".dvc/config", ".dvc/plots", "dvc.yaml", "params.yaml", "metrics")
    run(folder, "git", "commit", "--quiet", "-m", "made")
    (folder / "said").write_text(draw(folder))
    return folder


def test_every_template_is_used_and_has_a_made_result() -> None:
    used = set(re.findall(r"template: (\w+)", (ROOT / "dvc.yaml").read_text()))
    assert used == set(TEMPLATES) == set(MADE)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_row_is_a_mark_and_every_name_is_written(project: Path, template: str) -> None:
    drawing = drawn(project, template)
    assert {kind: len(drawing.marks(kind)) for kind in MADE[template].marks} == MADE[template].marks
    assert set(MADE[template].texts) <= drawing.texts


def test_a_bar_is_as_long_as_its_bits(project: Path) -> None:
    drawing = drawn(project, "bars_beside_probes")
    lengths = [width(bar) for bar in drawing.marks("bar")]
    scale = lengths[0] / 0.4
    assert lengths == pytest.approx([0.4 * scale, 0.2 * scale, 0.05 * scale])
    assert width(drawing.mark("rect mark", "probes_high")) == pytest.approx(0.11 * scale)


def test_a_family_that_noise_reaches_is_pale(project: Path) -> None:
    drawing = drawn(project, "bars_beside_probes")
    assert [float(bar.get("opacity", 1)) for bar in drawing.marks("bar")] == [1, 1, 0.4]


def test_the_ring_is_around_the_chosen_form(project: Path) -> None:
    drawing = drawn(project, "information_against_size")
    ring = next(point for point in drawing.marks("point") if point.get("fill") in (None, "transparent", "none"))
    assert ring.get("transform") == drawing.mark("point", "kind: columns").get("transform")


def test_the_front_leads_in_steps_over_the_forms_on_it_alone(project: Path) -> None:
    drawing = drawn(project, "information_against_size")
    front = drawing.marks("line mark")[0].get("d", "")
    ends = [drawing.mark("point", f"kind: {kind}").get("transform", "") for kind in ("lda", "columns")]
    assert front.count("L") == 2  # to the right, then up
    (*start, _, _, x, y), places = numbers(front), [numbers(end) for end in ends]
    assert [start, [x, y]] == [pytest.approx(place, abs=0.01) for place in places]


def test_places_are_sorted_as_numbers(project: Path) -> None:
    labels = [element.text for element in drawn(project, "heat_map").elements if element.text in ("early", "late")]
    assert labels == ["early", "late"] * 2  # of two axes; as texts, 10 would come before 2


def test_agreement_is_red_and_opposition_blue(project: Path) -> None:
    drawing = drawn(project, "heat_map")
    for of, redder in (("correlation: 1", True), ("correlation: \N{MINUS SIGN}0.5", False)):
        red, _, blue = re.findall(r"\d+", drawing.mark("rect mark", of).get("fill", ""))
        assert (int(red) > int(blue)) is redder


def test_the_classes_of_a_confusion_stand_in_the_order_of_the_task_on_both_axes(project: Path) -> None:
    drawing = drawn(project, "confusion_of_classes")
    assert [element.text for element in drawing.elements if element.text in ("no", HOSTILE)] == ["no", HOSTILE] * 2


def test_rates_of_a_detection_error_tradeoff_lie_at_their_normal_deviates(project: Path) -> None:
    """0.1 % to 50 % of false accepts and 0.5 % to 98 % of false rejects on 300 pixels each; a half is deviate 0."""
    low, high = norm.ppf(0.005), norm.ppf(0.98)
    expected = [0, 300 * high / (high - low), 300, 300 * (high - norm.ppf(0.02)) / (high - low)]
    paths = [numbers(mark.get("d", "")) for mark in drawn(project, "roc_and_det").marks("line mark")]
    assert any(path == pytest.approx(expected, abs=0.1) for path in paths)


def test_the_same_file_is_drawn_for_accuracy_and_for_bits(project: Path) -> None:
    accuracy, bits = drawn(project, "curve_with_band"), Drawn(project / "plots/rank_information.svg")
    assert "held-out accuracy" in accuracy.texts
    assert "held-out bits told about the class" in bits.texts
    assert accuracy.bytes != bits.bytes


def test_a_second_run_gives_the_same_bytes(project: Path) -> None:
    draw(project, "--output", "again")
    names = sorted(path.name for path in (project / "plots").iterdir())
    assert len(names) > len(MADE)
    for name in names:
        assert (project / "again" / name).read_bytes() == (project / "plots" / name).read_bytes(), name


def test_the_page_holds_all_plots_and_loads_nothing(project: Path) -> None:
    tags: list[tuple[str, dict[str, str | None]]] = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attributes: tags.append((tag, dict(attributes)))  # type: ignore[method-assign]
    text = (project / "plots/index.html").read_text()
    reader.feed(text)
    assert not [tag for tag in tags if {"src", "href"} & set(tag[1])]
    names = sorted(path.stem for path in (project / "plots").glob("*.svg"))
    assert sorted(named["id"] or "" for tag, named in tags if tag == "div") == names
    assert HOSTILE not in text
    assert [named["type"] for tag, named in tags if tag == "script"] == ["application/json", "module"]
    rows = json.loads(text.split('id="plots">')[1].split("</script>")[0])
    assert sorted(rows) == names


def test_a_plot_without_its_file_is_named(project: Path) -> None:
    assert re.search(r"^plots: metrics/split/formats.csv: ", (project / "said").read_text(), re.MULTILINE)


@pytest.fixture(scope="module")
def two_revisions(project: Path) -> Path:
    """The same project, drawn against what is committed."""
    draw(project, "HEAD", "--output", "two/plots")
    return project / "two"


@pytest.mark.parametrize("template", TEMPLATES)
def test_two_revisions_are_drawn_side_by_side(two_revisions: Path, template: str) -> None:
    drawing = drawn(two_revisions, template)
    expected = {kind: 2 * count for kind, count in MADE[template].marks.items()}
    assert {kind: len(drawing.marks(kind)) for kind in MADE[template].marks} == expected
    assert {"HEAD", "workspace", *MADE[template].texts} <= drawing.texts


def test_an_unknown_revision_is_said_in_words(project: Path) -> None:
    done = run(project, sys.executable, "-m", "apps.plots", "no-such-revision", check=False)
    assert done.returncode == 1
    assert "no-such-revision" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_figure_of_the_readme_shows_families_and_forms(project: Path) -> None:
    draw(project, "--readme")
    drawing = Drawn(project / plots.FIGURE)
    assert len(drawing.marks("bar")) == 3
    assert {"mfcc", "9 columns, 8 bits a number"} <= drawing.texts
    assert "workspace" not in drawing.texts
