"""quarantine: one row for each member of an archive that gave no clip, with the reason; sorted by source_path.

clips and quarantine together account for every member: nothing is lost in silence.
"""

import pyarrow as pa

from stages.tables.parquet import Table, column

REASONS = {
    "not_in_layout": "the source's layout knows no sound at this path",
    "not_a_file": "a link, device or other member without bytes of its own",
    "same_path_twice": "an earlier member of the archive has this path",
    "too_large": "more bytes than decode.max_bytes",
    "empty": "no bytes, or no samples",
    "not_audio": "the content is no sound of a known kind",
    "decoder_error": "the decoder refused it",
    "truncated": "fewer samples than the header declares",
    "too_long": "more seconds than decode.max_s",
    "too_many_channels": "more channels than decode.max_channels",
    "silent": "every sample is zero",
    "not_finite": "samples that are NaN or infinite",
}
BY_DESIGN = ("not_in_layout",)

TABLE = Table(
    name="quarantine",
    key=("source_path",),
    schema=pa.schema(
        [
            column("source_path", pa.string(), "", "member of the archive"),
            column("reason", pa.string(), "", "one of: " + ", ".join(REASONS)),
            column("message", pa.string(), "", "what the decoder or the check said"),
            column("n_bytes", pa.int64(), "B", "size of the member as stored"),
            column("sha256", pa.string(), "", "SHA-256 of the member's bytes, empty where they were not read"),
        ]
    ),
)
