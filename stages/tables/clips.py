"""clips: one row a clip, in the order of the archive.

A recording as long as a clip or shorter gives one row, padded with zeros at its end; a longer one gives as many as
params.yaml says. Samples are int16, little endian, mono, at one rate for the whole table (`sample_rate_hz` in the
schema's metadata); full scale is 32768. dBFS: 0 dB is a full-scale square wave, so a full-scale sine is -3.01 dB.
"""

import numpy as np
import pyarrow as pa

from stages.tables.parquet import Table, column

FULL_SCALE = 32768.0

Format = tuple[str, str, int, int]  # values of FORMAT
FORMAT = ("container", "codec", "native_rate_hz", "native_channels")  # columns: what a recording is as stored

TABLE = Table(
    name="clips",
    key=("clip_id",),
    schema=pa.schema(
        [
            column(
                "clip_id",
                pa.string(),
                "",
                "path in the archive; `#<n>` is added where one recording gives several clips",
            ),
            column("word", pa.string(), "", "word or label of the source; `_silence_` for background noise"),
            column("speaker", pa.string(), "", "who speaks, or which recording it is where nobody is named"),
            column("group", pa.string(), "", "clips of one group never lie in two parts; the speaker, or wider"),
            column(
                "official_part",
                pa.string(),
                "",
                "train, val or test where the source names it, unused where another archive has it, else empty",
            ),
            column("is_noise", pa.bool_(), "", "cut from a background recording, to be parted by time"),
            column("source_path", pa.string(), "", "member of the archive that holds the recording"),
            column("container", pa.string(), "", "file format by its content: wav, flac, ogg, mp3, ..."),
            column("codec", pa.string(), "", "encoding inside the container: pcm_16, vorbis, ..."),
            column("native_rate_hz", pa.int32(), "Hz", "sample rate of the recording as stored"),
            column("native_channels", pa.int16(), "", "channels of the recording as stored"),
            column("recording_s", pa.float64(), "s", "length of the whole recording"),
            column("start_s", pa.float64(), "s", "where in the recording the clip begins"),
            column("seconds", pa.float32(), "s", "length of the sound in the clip, before padding"),
            column("gain_db", pa.float32(), "dB", "gain given on cutting; 0 for everything but noise"),
            column("peak", pa.float32(), "full scale", "largest absolute sample"),
            column("rms_dbfs", pa.float32(), "dBFS", "root mean square of the unpadded sound, at least -120"),
            column("clipped_fraction", pa.float32(), "", "share of unpadded samples at full scale"),
            column("sha256", pa.string(), "", "SHA-256 of the member's bytes"),
            column("samples", pa.binary(2), "", "int16 little endian, zero-padded at the end"),
        ]
    ),
    sized=("samples",),
    raw=("samples",),  # sound shrinks by a sixth in zstd, and takes twice as long to write and to read
)


def with_shape(sample_rate: int, n_samples: int) -> pa.Schema:
    """Return the schema of clips of `n_samples` samples at `sample_rate` Hz."""
    place = TABLE.schema.get_field_index("samples")
    field = TABLE.schema.field("samples")
    schema = TABLE.schema.set(place, field.with_type(pa.binary(2 * n_samples)))
    return schema.with_metadata({"sample_rate_hz": str(sample_rate)})


def sample_rate(schema: pa.Schema) -> int:
    """Return the sample rate in Hz that a schema of clips carries."""
    return int(schema.metadata[b"sample_rate_hz"])


def samples(rows: pa.Table) -> np.ndarray:
    """Return the sound of `rows`: (n_clips, n_samples) int16, a view where it lies in one chunk."""
    stored = rows.column("samples").combine_chunks()
    if isinstance(stored, pa.ChunkedArray):
        stored = stored.chunk(0)
    width = stored.type.byte_width
    view = np.frombuffer(stored.buffers()[1], dtype="<i2", count=(stored.offset + len(stored)) * width // 2)
    return view.reshape(-1, width // 2)[stored.offset :]
