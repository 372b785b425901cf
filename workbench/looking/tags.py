"""What rules noted of kept rows, beside the page of a version: curation writes it, `explain` and `rows` read it.

Tags decide nothing, so they are no part of a version: they are kept by its page and written anew by each curate.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import polars as pl

from tilth.shards.atomic import write_file
from tilth.shards.tables import FINDINGS, conform

if TYPE_CHECKING:
    from pathlib import Path

    from tilth.shards.store import Store
    from tilth.shards.version import Version

FILE = "tags.parquet"


def write_tags(folder: Path, tags: pl.DataFrame) -> None:
    """Keep the tags of a version (schema FINDINGS) in the folder of its page."""
    buffer = io.BytesIO()
    conform(tags, FINDINGS).write_parquet(buffer, compression="zstd")
    write_file(folder / FILE, buffer.getvalue())


def tags_of(store: Store, version: Version) -> pl.DataFrame | None:
    """Return the tags of a version (schema FINDINGS), or None where they were not kept."""
    path = store.root / "reports" / version.short / FILE
    return conform(pl.read_parquet(path, glob=False), FINDINGS) if path.is_file() else None
