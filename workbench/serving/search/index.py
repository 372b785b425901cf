"""The index of a version: a narrow line for every line of input, and the text of every row, made once and kept.

Two files of the store's cache, each believed only with its digest: the lines (Parquet, read into memory) and the texts
(Arrow, mapped, so that they cost memory only while they are searched). Both are keyed by what the version is made of
and may be deleted at any time.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tilth.shards import arrow_file
from tilth.shards.columns import LANGUAGE
from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.ledger import scan_ledger
from tilth.shards.sealed import read_sealed, write_sealed
from tilth.workbench.looking.tags import tags_of

if TYPE_CHECKING:
    from tilth.shards.store import Store
    from tilth.shards.version import Version

FORMAT = 2
TEXT_ROWS = 20_000  # read and written at a time
FACETS = ("verdict", "rule", "source", "split", "slice", "language", "shape")
TURN_END = "\n"
Progress = Callable[[int, int], None]


@dataclass
class Index:
    """What can be searched of a version.

    lines: path, line, pos (of the row in row_id order; null for an unreadable line), FACETS, value, threshold, weight,
    chars, turns; in the order of place. ids: the row id at each pos. texts: the text at each pos, mapped.
    """

    version: Version
    lines: pl.DataFrame
    ids: pl.Series
    texts: pl.Series
    tags: pl.DataFrame  # pos, tag
    _measured: dict[str, pl.Series] = field(default_factory=dict)

    @cached_property
    def positions(self) -> np.ndarray:
        """The pos of each line, -1 where it has none."""
        return self.lines["pos"].fill_null(-1).cast(pl.Int64).to_numpy()

    def of_rows(self, values: pl.Series) -> pl.Series:
        """Return a value of rows for each line, null for an unreadable one."""
        return values.gather(self.lines["pos"])

    def pos_of(self, row_id: bytes) -> int | None:
        """Return where a row stands, or None."""
        at = self.ids.search_sorted(row_id)
        return int(at) if at < self.ids.len() and self.ids[int(at)] == row_id else None

    @cached_property
    def measure_names(self) -> list[str]:
        """The measures that are numbers, in order."""
        frames = [self.version.objects.scan(digest) for digest in self.version.manifest.objects["measures"]]
        schema = pl.concat(frames, how="diagonal").collect_schema()
        return sorted(name for name, kind in schema.items() if kind == pl.Float64)

    def measure(self, name: str) -> pl.Series:
        """Return a measure by pos (Float32), of turns the largest; the last few asked for are kept."""
        if name not in self._measured:
            if len(self._measured) >= 4:
                self._measured.pop(next(iter(self._measured)))
            frames = [
                self.version.objects.scan(digest) for digest in self.version.manifest.objects["measures"]
            ]
            held = [frame.select("row_id", name) for frame in frames if name in frame.collect_schema()]
            largest = pl.concat(held).drop_nulls(name).group_by("row_id").agg(pl.col(name).max()).collect()
            rows = self.ids.to_frame("row_id").join(largest, on="row_id", how="left", maintain_order="left")
            self._measured[name] = rows[name].cast(pl.Float32)
        return self._measured[name]


def index_key(version: Version) -> str:
    """Return the beginning of the names of a version's files: it changes where the version's bytes do."""
    made_of = {
        table: [version.objects.find(digest).name for digest in digests]
        for table, digests in version.manifest.objects.items()
    }
    return f"search-{FORMAT}-{sha256_hex(canonical_json([version.id, made_of]))[:24]}"


def open_index(store: Store, version: Version, report: Progress = lambda done, total: None) -> Index:
    """Open the index of a version, made where there is none. Raises CorruptObject, StoreError."""
    key = index_key(version)
    lines_path, texts_path = store.cache / f"{key}.lines", store.cache / f"{key}.texts"
    ids = version.rows(["row_id"])["row_id"]
    texts = arrow_file.kept(texts_path)
    if texts is None or texts.height != ids.len():
        texts = arrow_file.keep(texts_path, _texts(version, ids, report))
    try:
        lines = pl.read_parquet(io.BytesIO(read_sealed(lines_path)), glob=False)
    except (OSError, ValueError):
        lines = _lines(version, texts).with_columns(pl.col("path", *FACETS).cast(pl.Categorical))
        out = io.BytesIO()
        lines.write_parquet(out, compression="lz4")
        write_sealed(lines_path, out.getvalue())
    arrow_file.let_go()
    return Index(version, lines.rechunk(), ids.rechunk(), texts["text"], _tags(store, version, ids))


def _texts(version: Version, ids: pl.Series, report: Progress) -> Iterator[pl.DataFrame]:
    """Yield text, chars and turns of every row, in row_id order: a turn as `role: text`, one under the other."""
    keys = version.rows(["row_id", "text_digest"])
    said = pl.concat_str(
        pl.col("role").cast(pl.String),
        pl.lit(": "),
        *(pl.col(name).fill_null("") for name in ("reasoning", "text", "tool_calls")),
    )
    for start in range(0, max(ids.len(), 1), TEXT_ROWS):
        some = keys.slice(start, TEXT_ROWS)
        held = []
        for digest in version.manifest.objects["turns"] if some.height else ():
            shard = version.objects.scan(digest)
            absent = {"reasoning", "tool_calls"} - set(shard.collect_schema())
            shard = shard.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)
            shard = shard.filter(pl.col("row_id").is_between(some["row_id"][0], some["row_id"][-1]))
            chars = pl.col("text").str.len_chars().fill_null(0)
            lines = shard.join(some.lazy(), on=["row_id", "text_digest"], how="semi")
            held.append(lines.select("row_id", "turn", said=said, chars=chars).collect())
        turns = pl.concat(held) if held else pl.DataFrame(
            schema={"row_id": pl.Binary, "turn": pl.UInt16, "said": pl.String, "chars": pl.UInt32}
        )  # fmt: skip
        whole = turns.sort("row_id", "turn").group_by("row_id", maintain_order=True)
        rows = whole.agg(text=pl.col("said").str.join(TURN_END), chars=pl.col("chars").sum(), turns=pl.len())
        joined = some.select("row_id").join(rows, on="row_id", how="left", maintain_order="left")
        report(start + some.height, ids.len())
        yield joined.select(
            pl.col("text").fill_null(""),
            pl.col("chars").fill_null(0).cast(pl.UInt32),
            pl.col("turns").fill_null(0).cast(pl.UInt32),
        )


def _lines(version: Version, texts: pl.DataFrame) -> pl.DataFrame:
    rows = version.rows(["row_id", "source", "shape"]).with_row_index("pos")
    rows = rows.with_columns(texts["chars"], texts["turns"], language=_languages(version, rows["row_id"]))
    ledger = scan_ledger(version.occurrences(), version.decisions())
    rule = pl.format("{}: {}", "stage", "reason")
    return (
        ledger.select(
            "row_id", "line", "value", "threshold", "weight", path="source_path", source="source",
            verdict=pl.col("verdict").cast(pl.String), rule=rule, split=pl.col("split").cast(pl.String), slice="slice",
        )
        .join(rows.lazy().drop("source"), on="row_id", how="left", maintain_order="left")
        .with_columns(pl.col("shape").cast(pl.String))
        .drop("row_id")
        .collect()
    )  # fmt: skip


def _languages(version: Version, ids: pl.Series) -> pl.Series:
    found = version.measures([LANGUAGE])
    if LANGUAGE not in found.columns:
        return pl.Series("language", [None] * ids.len(), dtype=pl.String)
    rows = ids.to_frame("row_id").join(found, on="row_id", how="left", maintain_order="left")
    return rows[LANGUAGE].cast(pl.String)


def _tags(store: Store, version: Version, ids: pl.Series) -> pl.DataFrame:
    """Return pos and tag ("STAGE: REASON") of what rules noted of kept rows; nothing where it was not kept."""
    noted = tags_of(store, version)
    if noted is None:
        return pl.DataFrame(schema={"pos": pl.UInt32, "tag": pl.String})
    places = ids.to_frame("row_id").with_row_index("pos")
    tags = noted.select("row_id", tag=pl.format("{}: {}", "stage", "reason")).unique()
    return places.join(tags, on="row_id").select("pos", "tag").sort("pos", "tag")
