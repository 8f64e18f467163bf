"""One module a table: its columns, types, units, meanings."""

from types import ModuleType

from stages.tables import clips, labels, predictions, quarantine, ranking

TABLES: dict[str, ModuleType] = {
    "clips": clips,
    "quarantine": quarantine,
    "labels": labels,
    "ranking": ranking,
    "predictions": predictions,
}
