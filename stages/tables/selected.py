"""selected: the columns that the ranking chose, of every clip of labels, sorted by clip_id; best column first.

Names, units and meanings are those of features/<family>. Chosen on the training part, merely copied for the others.
"""

from collections.abc import Sequence

import pyarrow as pa

from stages.tables.features import CLIP_ID
from stages.tables.parquet import Table


def table(statistics: Sequence[pa.Field]) -> Table:
    """Return the table that holds these statistic columns."""
    return Table("selected", ("clip_id",), pa.schema([CLIP_ID, *statistics]))
