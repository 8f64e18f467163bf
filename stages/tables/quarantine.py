"""quarantine: one row for each member of an archive, but lists, that gave no clip, with the reason; sorted by path.

clips and quarantine together account for every member: nothing is lost in silence.
"""

import pyarrow as pa

from stages.tables.parquet import Table, column

REASONS = {
    "not_in_layout": "the source's layout knows no sound at this path",
    "not_a_file": "a link, FIFO, device or other member without bytes of its own",
    "same_path_twice": "an earlier member of the archive has this path",
    "too_large": "more bytes than decode.max_bytes",
    "expands_too_far": "inflates to more than decode.max_expansion times its bytes in the archive",
    "encrypted": "the archive holds it under a password",
    "wrong_sha256": "metadata.csv gives another SHA-256",
    "empty": "no bytes, or no samples",
    "not_audio": "the content is no sound of a known kind",
    "web_page": "an HTML page, as a server sends in place of a file that it does not give",
    "lfs_pointer": "a pointer of git-lfs, whose file was never fetched",
    "playlist": "a list of other files or addresses, which are never followed",
    "codec_not_allowed": "an encoding outside the list of those that are decoded",
    "truncated": "less sound than the file declares",
    "damaged": "a checksum or the structure of the file is broken",
    "decoder_error": "the decoder refused it",
    "too_long": "more seconds than decode.max_s",
    "too_many_channels": "more channels than decode.max_channels",
    "rate_out_of_range": "a sample rate outside decode.rates_hz",
    "silent": "every sample is zero",
    "not_finite": "samples that are NaN or infinite",
    "out_of_range": "samples further beyond full scale than decode.max_peak",
    "crashed": "the decoder took its process down",
    "out_of_memory": "the decoder asked for more than decode.worker.memory_mb",
    "timed_out": "decoding took longer than decode.worker.cpu_s",
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
            column("word", pa.string(), "", "word or label of the source, empty where its layout knows none"),
            column("official_part", pa.string(), "", "as in clips, empty where the source's layout knows none"),
            column("n_bytes", pa.int64(), "B", "size of the member as stored"),
            column("sha256", pa.string(), "", "SHA-256 of the member's bytes, empty where they were not read"),
            column("n_declared", pa.int64(), "frames", "length that the file declares, -1 where it was not read"),
            column("n_decoded", pa.int64(), "frames", "frames decoded before it was refused, -1 for none"),
        ]
    ),
)
