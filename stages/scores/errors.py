"""Errors: the clips on which a model is most sure and wrong."""

import pyarrow as pa

COLUMNS = ("clip_id", "label", "predicted", "confidence", "seed", "n_seeds_wrong", "n_seeds")


def most_confident(rows: pa.Table, n_listed: int, digits: int) -> list[tuple]:
    """Return up to `n_listed` rows of COLUMNS, the most confident error first, from a table of predictions.

    A clip comes once, with the seed that is most sure of what is wrong, and how many seeds are wrong about it.
    """
    n_seeds = len(rows.column("seed").unique())
    wrong = rows.filter(rows.column("label").to_numpy() != rows.column("predicted").to_numpy())
    n_wrong: dict[str, int] = {}
    for clip_id in wrong.column("clip_id").to_pylist():
        n_wrong[clip_id] = n_wrong.get(clip_id, 0) + 1
    order = [("confidence", "descending"), ("clip_id", "ascending"), ("seed", "ascending")]
    surest: dict[str, dict] = {}
    for row in wrong.select(COLUMNS[:-2]).sort_by(order).to_pylist():
        surest.setdefault(row["clip_id"], row | {"confidence": round(row["confidence"], digits)})
    return [(*row.values(), n_wrong[clip_id], n_seeds) for clip_id, row in surest.items()][:n_listed]
