"""Small Parquet and Arrow files of every kind, to be damaged."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

ROWS = 60
KINDS = ("plain.parquet", "checked.parquet", "file.arrow", "packed.feather", "stream.arrow")


def table() -> pa.Table:
    """Return rows with text, numbers, a time, a list and a dictionary."""
    rows = pa.Table.from_pylist(
        [
            {
                "prompt": f"question {n} " + "x" * (n % 7),
                "response": f"answer {n} and more",
                "when": datetime(2020, 1, 1 + n % 27),
                "score": n / 3,
                "tags": ["a", str(n)],
                "kind": "ab"[n % 2],
            }
            for n in range(ROWS)
        ]
    )
    at = rows.schema.get_field_index("kind")
    return rows.set_column(at, "kind", rows["kind"].dictionary_encode())


def write_all(folder: Path) -> None:
    """Write a file of each of KINDS."""
    rows = table()
    pq.write_table(rows, folder / KINDS[0], row_group_size=20)
    pq.write_table(rows, folder / KINDS[1], compression="zstd", write_page_checksum=True)
    feather.write_feather(rows, str(folder / KINDS[2]), compression="uncompressed", chunksize=20)
    feather.write_feather(rows, str(folder / KINDS[3]), compression="zstd")
    with pa.OSFile(str(folder / KINDS[4]), "wb") as file, pa.ipc.new_stream(file, rows.schema) as stream:
        stream.write_table(rows, 20)
