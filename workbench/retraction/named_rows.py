"""Which rows a person means who wants them gone: by id, place, source or expression, in every version of a store."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from tilth.curation.rules.custom import OWN, row_view
from tilth.curation.rules.expression import ExpressionError, columns, parse
from tilth.shards.columns import attribute
from tilth.shards.errors import UsageError
from tilth.shards.explain import ROW_PREFIX, whole_path
from tilth.shards.retractions import IDS
from tilth.shards.tables import Split, Verdict

if TYPE_CHECKING:
    from pathlib import Path

    from tilth.shards.store import Store
    from tilth.shards.version import Version

ID_HEX = 32
SHOWN_PLACES = 10
RECORD = "run.json"


@dataclass(frozen=True)
class Named:
    """How rows are named. duplicates: also the rows that were dropped because they say the same."""

    rows: tuple[str, ...] = ()
    source: str | None = None
    where: str | None = None
    duplicates: bool = False

    @property
    def by(self) -> str:
        """How, in a word, without what was looked for: it may be somebody's name."""
        ways = {"row": self.rows, "source": self.source, "where": self.where, "duplicates": self.duplicates}
        return "+".join(way for way, given in ways.items() if given)


def find(store: Store, named: Named) -> pl.Series:
    """Return the ids of the rows that are named, in order, of every version that the store keeps.

    Raises UsageError where nothing is named, or an id, place or expression cannot be understood.
    """
    if not (named.rows or named.source or named.where):
        raise UsageError("rows", "none are named", "Nothing was done", "Name ROW, --source or --where")
    versions = newest_first(store)
    found = [pl.Series("row_id", [_row(versions, key)], dtype=pl.Binary) for key in named.rows]
    if named.source:
        found += [_of_source(version, named.source) for version in versions]
    if named.where:
        found.append(_where(versions, named.where))
    ids = pl.concat([IDS.to_frame()["row_id"], *found]).unique().sort()
    if named.duplicates:
        ids = pl.concat([ids, *(suppressed(version, ids) for version in versions)]).unique().sort()
    return ids


def newest_first(store: Store) -> list[Version]:
    """Return every version that the store keeps: those that names stand for, then the rest, newest first."""
    refs = [ref for name in store.names() for ref in (store.candidate(name), store.served(name)) if ref]
    logged = [entry["id"] for name in store.names() for entry in store.log(name)]
    ids = dict.fromkeys([*(ref.id for ref in refs), *logged, *store.version_ids()])
    return [store.version(version_id) for version_id in ids]


def suppressed(version: Version, ids: pl.Series) -> pl.Series:
    """Return the rows of a version that were dropped because one of `ids` says the same, in order."""
    decisions = version.decisions()
    of_these = pl.col("witness_id").is_in(ids.implode())
    gone = (pl.col("verdict").cast(pl.String) == Verdict.DROP.value) & ~pl.col("row_id").is_in(ids.implode())
    return decisions.filter(of_these & gone)["row_id"]


def about(store: Store, ids: pl.Series) -> dict[str, Any]:
    """Return what is known of these rows: kept (name -> rows its candidate keeps), of (name -> all it keeps),
    returning (name -> rows that come back without them), places (first lines that hold them), lines (how many), models.
    """
    kept, of, returning = {}, {}, {}
    places = pl.DataFrame(schema={"source_path": pl.String, "line": pl.Int64})
    for name in store.names():
        version = store.candidate(name)
        if version is None:
            continue
        decisions = version.decisions().filter(pl.col("verdict").cast(pl.String) == Verdict.KEEP.value)
        of[name] = decisions.height
        kept[name] = decisions.filter(pl.col("row_id").is_in(ids.implode())).height
        returning[name] = suppressed(version, ids).len()
        lines = version.occurrences().filter(pl.col("row_id").is_in(ids.implode()))
        places = pl.concat([places, lines.select(places.columns)]).unique().sort("source_path", "line")
    named = [f"{path}:{line}" for path, line in places.head(SHOWN_PLACES).iter_rows()]
    return {
        "rows": ids.len(),
        "kept": kept,
        "of": of,
        "returning": returning,
        "lines": places.height,
        "places": named,
        "models": models_trained_on(store, ids),
    }


def models_trained_on(store: Store, ids: pl.Series) -> list[dict[str, Any]]:
    """Return the finished runs that learned any of these rows: run_id, version, rows (how many), folder."""
    known, found = set(store.version_ids()), []
    for path in sorted((store.root / "runs").glob(f"*/{RECORD}")):
        record = json.loads(path.read_bytes())
        rows = _learned(store, record, known, ids)
        if rows:
            found.append(_run(path.parent, record["version"], rows))
    return found


def _run(folder: Path, version: str, rows: int) -> dict[str, Any]:
    return {"run_id": folder.name, "version": version, "rows": rows, "folder": str(folder)}


def _learned(store: Store, record: dict[str, Any], known: set[str], ids: pl.Series) -> int:
    """Return how many of the rows a run learned: as its feedback says, else the train rows of its version."""
    if record.get("feedback"):
        _, rows, _ = store.feedback(record["feedback"])
        rows = rows.filter(~pl.col("in_twin").fill_null(False))
    elif record["version"] in known:
        rows = store.version(record["version"]).decisions()
        rows = rows.filter(pl.col("split").cast(pl.String) == Split.TRAIN.value)
    else:
        return 0
    return rows.filter(pl.col("row_id").is_in(ids.implode())).height


def _row(versions: list[Version], key: str) -> bytes:
    """Return the id that a row id, its beginning, or path:line names."""
    path, _, line = key.rpartition(":")
    if path and line.isdecimal():
        return _row_at(versions, path, int(line), key)
    if not ROW_PREFIX.fullmatch(key):
        raise UsageError(
            repr(key[:80]), "neither a row id nor path:line", "", "Give 4 to 32 hex digits, or file.jsonl:12"
        )
    found: set[bytes] = set()
    for version in versions:
        rows = version.rows(["row_id"])
        found |= set(rows.filter(pl.col("row_id").bin.encode("hex").str.starts_with(key))["row_id"])
        if len(found) > 1:
            some = ", ".join(sorted(row.hex()[:16] for row in found)[:5])
            raise UsageError(repr(key), f"{len(found)} rows match: {some}", "", "Give more digits")
    if not found and len(key) < ID_HEX:
        raise UsageError(repr(key), "no version has such a row", "Nothing was done", "See `tilth rows`")
    return found.pop() if found else bytes.fromhex(key)


def _row_at(versions: list[Version], path: str, line: int, key: str) -> bytes:
    for version in versions:
        lines = version.occurrences()
        whole = whole_path(lines["source_path"], path, key)
        here = lines.filter(pl.col("source_path") == whole, pl.col("line") == line)["row_id"]
        if here.drop_nulls().len():
            return bytes(here[0])
    raise UsageError(repr(key[:80]), "no version has a row there", "Nothing was done", "See `tilth show`")


def _of_source(version: Version, source: str) -> pl.Series:
    """Return the rows of which some line came from a source, named as versions name it or by its path."""
    lines = version.occurrences()
    return lines.filter((pl.col("source") == source) | (pl.col("source_path") == source))[
        "row_id"
    ].drop_nulls()


def _where(versions: list[Version], text: str) -> pl.Series:
    """Return the rows for which an expression is true; each row is asked once, in its newest version."""
    try:
        expression = parse(text)
    except ExpressionError as error:
        raise UsageError("--where", str(error), "Nothing was done", 'Say: pl.col("response")…') from None
    attributes = [name for name in columns(expression) if name not in OWN]
    asked, found = IDS.to_frame(), []
    for version in versions:
        rows = version.rows().join(asked, on="row_id", how="anti")
        asked = pl.concat([asked, rows.select("row_id")])
        for some in rows.iter_slices(50_000):
            seen = version.turns(some["row_id"]).join(
                some.select("row_id", "shape", "source", "licence", "attributes"), on="row_id"
            )
            view = row_view(seen)
            view = view.with_columns(attribute(view, name).alias(name) for name in attributes)
            found.append(_true(view, expression)["row_id"])
    return pl.concat([IDS.to_frame()["row_id"], *found])


def _true(view: pl.DataFrame, expression: pl.Expr) -> pl.DataFrame:
    try:
        return view.filter(expression.cast(pl.Boolean))
    except pl.exceptions.PolarsError as error:
        kind = type(error).__name__
    raise UsageError(
        "--where", f"polars refuses it ({kind})", "Nothing was done", "Compare, for a true or false"
    )
