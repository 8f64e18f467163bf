"""All plots of dvc.yaml on one page that needs no network, and each as an SVG file.

DVC fills the templates of .dvc/plots with the rows, as it does for `dvc plots show` and `dvc plots diff`; the page that
it writes itself loads its scripts from elsewhere. The same rows and fonts give the same bytes.

Run  python -m apps.plots [REVISION ...] [--output FOLDER]     what lies here, or revisions of git side by side
     python -m apps.plots --readme                             docs/figures/ranking.svg, from what lies here
"""

import argparse
import json
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import vl_convert

from stages.files import write_text
from stages.params import read_yaml

VEGA_LITE = "5.21"  # the templates are of version 5, and use nothing that came after the 5.2 of DVC's own page
FIGURE = Path("docs/figures/ranking.svg")
RANKING = ("rank_families", "rank_forms")  # the two plots in it
PAGE = """<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>earmark: plots</title>
<style>body {{ font-family: sans-serif; margin: 2em }} div {{ margin: 1em 0 }}</style></head>
<body>
{places}
<script type="application/json" id="plots">{plots}</script>
<script type="module">{scripts}</script>
</body>
</html>
"""
EMBED = """
const options = {actions: {export: true, source: false, compiled: false, editor: false}};
for (const [name, plot] of Object.entries(JSON.parse(document.getElementById("plots").textContent)))
  vegaEmbed(document.getElementById(name), plot, options);
"""


class PlotsError(ValueError):
    """DVC gives no plots."""


def filled(revisions: Sequence[str]) -> tuple[dict[str, dict], list[str]]:
    """Return the Vega-Lite specification of each plot by its name, and what is missing, in words."""
    ask = ["diff", *revisions] if revisions else ["show"]
    command = [sys.executable, "-m", "dvc", "plots", *ask, "--json"]
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    if done.returncode != 0:
        raise PlotsError(f"dvc plots {' '.join(ask)}: {done.stderr.strip()}")
    answer = json.loads(done.stdout)
    plots = {short(name): drawn[0]["content"] for name, drawn in answer["data"].items() if drawn}
    if not plots:
        raise PlotsError("no file that dvc.yaml plots is here; run `dvc repro` first")
    missing = {name: "no rows, no plot" for name, drawn in answer["data"].items() if not drawn}
    for error in answer.get("errors", ()):
        missing[error.get("name", "dvc.yaml")] = f"{error['msg'] or error['type']} ({error['rev']})"
    return plots, [f"{name}: {why}" for name, why in missing.items()]


def short(name: str) -> str:
    """Return `rank_families` of `metrics/rank/families.csv`, a name for a file and for a place on the page."""
    return name.removeprefix("metrics/").removesuffix(".csv").replace("/", "_")


def page(plots: Mapping[str, dict], stages: Iterable[str]) -> str:
    """Return a page of HTML with the plots, in the order of stages, and with all that draws them."""
    order = {stage: number for number, stage in enumerate(stages)}
    names = sorted(plots, key=lambda name: order.get(name.partition("_")[0], len(order)))
    places = "\n".join(f'<div id="{escape(name)}"></div>' for name in names)
    written = json.dumps(plots).replace("<", "\\u003c")  # a label may hold what ends a script of HTML
    scripts = vl_convert.javascript_bundle(EMBED, VEGA_LITE)
    return PAGE.format(places=places, plots=written, scripts=scripts)


def svg(plot: dict) -> str:
    """Return a plot as the text of an SVG file."""
    return vl_convert.vegalite_to_svg(plot, VEGA_LITE)


def ranking(families: dict, forms: dict) -> dict:
    """Return one figure of two plots: families beside the probes, and information against size, of one revision."""
    left = {**families, "width": 290, "height": 300}
    left["layer"][1]["encoding"]["color"] = {"value": "#4c78a8"}  # of a revision, where there are several
    right = {**forms["spec"], "data": forms["data"], "title": forms["title"], "width": 340, "height": 300}
    return {"$schema": forms["$schema"], "background": "white", "hconcat": [left, right], "spacing": 30}


def main() -> None:
    """Write the page and the files, or the figure of the README."""
    parser = argparse.ArgumentParser(description="Draw all plots of dvc.yaml, without a network.")
    parser.add_argument("revisions", nargs="*", metavar="REVISION", help="of git, to be drawn side by side")
    parser.add_argument("--output", type=Path, default=Path("plots"), metavar="FOLDER")
    parser.add_argument("--readme", action="store_true", help=f"write {FIGURE} alone")
    arguments = parser.parse_args()
    if arguments.readme and arguments.revisions:
        parser.error("--readme draws what lies here, and takes no revision")
    try:
        plots, missing = filled(arguments.revisions)
    except PlotsError as error:
        sys.exit(f"plots: {error}")

    if arguments.readme:
        if lacking := [name for name in RANKING if name not in plots]:
            sys.exit(f"plots: metrics/{lacking[0].replace('_', '/')}.csv: is missing; run `dvc repro` first")
        write_text(FIGURE, svg(ranking(*(plots[name] for name in RANKING))))
        print(FIGURE)
        return
    for line in missing:
        print(f"plots: {line}", file=sys.stderr)
    for name, plot in plots.items():
        write_text(arguments.output / f"{name}.svg", svg(plot))
    index = arguments.output / "index.html"
    write_text(index, page(plots, read_yaml(Path("dvc.yaml"))["stages"]))  # type: ignore[arg-type]
    print(f"{index}, and {len(plots)} plots as SVG beside it")


if __name__ == "__main__":
    main()
