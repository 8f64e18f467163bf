"""extract: one family of features of every clip.

Reads   data/clips/
Writes  data/features/<family>/             statistics of every clip's sounding part, and its frames where params say so
        metrics/extract/<family>.json       how many, of which shape, and how many values are not finite
Params  extract.frame, extract.statistics, extract.families.<family>
Run     python -m stages.extract mel
"""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq

from stages.executors import forked, map_in_order
from stages.extraction import Done, Shard, Work, extract_shard, prepare
from stages.features import FAMILIES
from stages.features.schema import described, table_of
from stages.features.statistics import Statistics
from stages.features.stft import Frame, Framing
from stages.files import write_json
from stages.machines import shards
from stages.params import read_section
from stages.progress import Progress
from stages.tables import clips
from stages.tables.parquet import TableError, n_rows, shard_paths, write_manifest

CLIPS = Path("data/clips")
FEATURES = Path("data/features")
METRICS = Path("metrics/extract")


def run(work: Work, planned: Sequence[Shard], family: str) -> list[Done]:
    """Return what became of each shard, run where work runs."""
    done = []
    with (
        shards(partial(forked, len(planned))) as (executor, n_at_once),
        Progress(f"extract {family}", len(planned), "shards") as progress,
    ):
        for of_shard in map_in_order(executor, partial(extract_shard, work=work), planned, ahead=2 * n_at_once):
            done.append(of_shard)
            progress.add(1)
    return done


def main() -> None:
    """Extract the family named on the command line."""
    parser = argparse.ArgumentParser(prog="python -m stages.extract", description="Extract a family of features.")
    parser.add_argument("family", choices=FAMILIES)
    family = parser.parse_args().family
    frame = read_section("extract.frame", Frame)
    names = read_section("extract.statistics", Statistics).names
    module = FAMILIES[family]
    params = read_section(f"extract.families.{family}", module.Params)
    sources = shard_paths(CLIPS)
    if not n_rows(CLIPS):
        raise TableError(f"{CLIPS}: holds no clip, expected at least one; put recordings in, and run `dvc repro`")
    schema = pq.read_schema(sources[0])

    framing = Framing.of(frame, clips.sample_rate(schema))
    dimensions, of_clip = described(module, params, framing.sample_rate)
    n_samples = schema.field("samples").type.byte_width // 2
    n_frames = framing.n_frames(n_samples)
    table = table_of(family, dimensions, of_clip, names, framing, n_frames if params.keep_frames else None)
    planned = [Shard(path.resolve(), (FEATURES / family / path.name).resolve(), table) for path in sources]
    work = Work(family, params, framing, names)
    prepare(work, n_samples)
    done = run(work, planned, family)

    n_clips = write_manifest(FEATURES / family, [each.entry for each in done], table)
    n_columns = len(dimensions) * len(names) + len(of_clip)
    counts = {"n_clips": n_clips, "n_columns": n_columns, "n_frames": n_frames, "n_dims": len(dimensions)}
    counts |= {"frames_stored": params.keep_frames, "n_values_missing": sum(each.n_missing for each in done)}
    counts |= {"n_values_not_finite": sum(each.n_not_finite for each in done)}
    write_json(METRICS / f"{family}.json", counts)
    print(f"extract {family}: {n_clips} clips, {n_columns} columns -> {FEATURES / family}")


if __name__ == "__main__":
    main()
