"""ranking: one row a statistic column of data/features, measured on the training part alone; and one a planted column.

Planted are noise probes and a copy of a real column.
"""

import pyarrow as pa

from stages.tables.parquet import Table, column

TABLE = Table(
    name="ranking",
    key=("column",),
    schema=pa.schema(
        [
            column("column", pa.string(), "", "a statistic column of features/<family>, or the name of a probe"),
            column(
                "family", pa.string(), "", "its family; no folder holds those of `probes`, noise, and `planted_copy`"
            ),
            column(
                "eps_squared", pa.float32(), "", "share of rank variance that lies between classes; NaN if unmeasured"
            ),
            column(
                "information_bits", pa.float32(), "bit", "told about the class by the column alone; NaN if unmeasured"
            ),
            column(
                "importance_bits", pa.float32(), "bit", "lost on held-out clips when it alone is that of other clips"
            ),
            column("accuracy_points", pa.float32(), "", "points of accuracy lost likewise"),
            column("cluster", pa.int32(), "", "number of its cluster of correlated columns, from 1; 0 if unusable"),
            column("order_rank", pa.int32(), "", "place in the selecting order, from 1; 0 if unusable"),
            column("stability", pa.float32(), "", "share of folds and seeds whose own selection holds the column"),
            column("is_selected", pa.bool_(), "", "a column of selected.parquet"),
            column("is_constant", pa.bool_(), "", "one value in the whole training part"),
            column("missing_fraction", pa.float32(), "", "share of the training part's clips with no finite value"),
        ]
    ),
)
