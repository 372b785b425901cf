"""tilth find: whether a text, or one like it, is among the rows of a version.

Each object of turns of a version has an index, made when it is first looked into and kept in the store's cache; a next
version adds one for what is new. The index only says which rows to compare: what is found is like the text by the
exact Jaccard similarity of word shingles.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from rich.markup import escape

from tilth.curation.dedup import bands
from tilth.curation.run.code_digest import code_digest
from tilth.curation.run.texts import HeldTexts
from tilth.shards import arrow_file
from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.errors import UsageError
from tilth.shards.lock import temporary
from tilth.shards.tables import TURNS, conform
from tilth.validators.wording import shorten, visible
from tilth.workbench.session import plain_table

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.progress import Progress
    from tilth.shards.store import Store
    from tilth.shards.version import Version

SHINGLE_WORDS = 5
FIELDS = ("prompt", "response")
SHOWN_CHARS = 100
_ROWS = 20_000  # whose texts are held at a time


@dataclass(frozen=True)
class Asked:
    """Texts to look for, and what each is called ("" for a text that was typed)."""

    names: list[str]
    texts: pl.Series


def asked_of(what: str) -> Asked:
    """Return the texts of a file (the prompt and the response of each of its rows), or `what` itself.

    Raises UsageError for a text without a word, and for a file that cannot be read.
    """
    asked = _of_file(what) if _is_file(what) else Asked([""], pl.Series([what]))
    if not asked.texts.str.contains(r"\w").any():
        raise UsageError("find", "there is no word to look for", next_step="name a text or a file of rows")
    return asked


def found_in(store: Store, version: Version, asked: Asked, jaccard: float, report: Progress) -> pl.DataFrame:
    """Return the rows of a version that hold a text like one of those asked for, most alike first.

    Columns: asked (index of the text), row_id, field, similarity (exact Jaccard, 1 of a text of one shingle only where
    it is the same), source_path, line, verdict, reason, split, text.
    """
    shape = bands.bands_of(jaccard)
    wanted = bands.keys(asked.texts, *shape)
    near: list[pl.DataFrame] = []
    objects = version.manifest.objects["turns"]
    for done, digest in enumerate(objects):
        report("index", done, len(objects))
        index, ids = _index(store, digest, shape)
        for number, entries in enumerate(bands.candidates(index, wanted)):
            rows = ids.gather(entries // len(FIELDS))
            place = pl.Series("field", entries % len(FIELDS), dtype=pl.Int64)
            near.append(
                pl.DataFrame({"row_id": rows, "field": place}).with_columns(asked=pl.lit(number, pl.Int64))
            )
    met = pl.concat([_NEAR.to_frame(), *near]).unique(maintain_order=True)
    return _placed(version, _compared(version, met, asked, jaccard))


_NEAR = pl.Schema({"row_id": pl.Binary(), "field": pl.Int64(), "asked": pl.Int64()})


def _is_file(what: str) -> bool:
    try:
        return Path(what).is_file()
    except (OSError, ValueError):  # longer than a name can be, or with signs that none has
        return False


def _of_file(path: str) -> Asked:
    from tilth.curation.reading.files import source_of
    from tilth.curation.reading.limits import ReadLimits
    from tilth.curation.reading.read import ingest

    names, texts = [], []
    with temporary() as folder:
        for part in ingest([source_of(path)], Path.cwd(), folder, ReadLimits()).parts:
            turns = pl.read_parquet(part.turns, glob=False)
            lines = (
                pl.read_parquet(part.occurrences, glob=False)
                .drop_nulls("row_id")
                .unique("row_id", keep="first")
            )
            lines = lines.sort("line")
            for field, said in zip(FIELDS, _texts(turns, lines["row_id"])):
                names += [f"{path}:{line} {field}" for line in lines["line"]]
                texts.append(said)
    if not texts:
        raise UsageError(path, "it holds no row", next_step="look at its lines with: validate FILE")
    held = pl.concat(texts)
    is_said = held.str.contains(r"\w")
    return Asked([name for name, kept in zip(names, is_said) if kept], held.filter(is_said))


def _texts(turns: pl.DataFrame, row_ids: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return prompts and responses of rows."""
    held = HeldTexts(conform(turns, TURNS).sort("row_id", "turn"))
    return held.prompts(row_ids), held.responses(row_ids)


def _index(store: Store, digest: str, shape: tuple[int, int]) -> tuple[pl.DataFrame, pl.Series]:
    """Return the index of an object of turns, made if it is not there, and the ids of its rows in order.

    An entry is len(FIELDS) times the number of the row, and the number of the field.
    """
    made_by = [digest, shape, SHINGLE_WORDS, code_digest(bands.__name__), code_digest(HeldTexts.__module__)]
    name = f"index-{sha256_hex(canonical_json(made_by))[:32]}"
    paths = [store.cache / f"{name}.{table}.arrow" for table in ("bands", "rows")]
    index, rows = (arrow_file.kept(path) for path in paths)
    if index is None or rows is None:
        turns = store.objects.frame(digest)
        ids = turns["row_id"].unique().sort()
        index = arrow_file.keep(paths[0], iter([_banded(turns, ids, shape)]))
        rows = arrow_file.keep(paths[1], iter([ids.to_frame("row_id")]))
    return index, rows["row_id"]


def _banded(turns: pl.DataFrame, ids: pl.Series, shape: tuple[int, int]) -> pl.DataFrame:
    found = [pl.DataFrame(schema=bands.INDEX)]
    for start in range(0, ids.len(), _ROWS):
        some = ids.slice(start, _ROWS)
        held = turns.join(some.to_frame("row_id"), on="row_id", how="semi")
        for field, said in enumerate(_texts(held, some)):
            entry = (pl.col("entry") + start) * len(FIELDS) + field
            found.append(bands.index_of(said, *shape).with_columns(entry.cast(pl.UInt32)))
    return pl.concat(found).sort("key", "entry")


def _compared(version: Version, met: pl.DataFrame, asked: Asked, jaccard: float) -> pl.DataFrame:
    """Return the pairs that are alike, with `similarity` and the text of the row."""
    from tilth.curation.similarity.shingles import describe

    ids = met["row_id"].unique().sort()
    said = pl.DataFrame({"row_id": ids}).with_columns(
        pl.Series(name, texts) for name, texts in zip(FIELDS, _texts(version.turns(ids), ids))
    )
    pairs = met.join(said, on="row_id", how="inner", maintain_order="left").with_columns(
        text=pl.when(pl.col("field") == 0).then(FIELDS[0]).otherwise(FIELDS[1])
    )
    one = describe(asked.texts, SHINGLE_WORDS)[pairs["asked"].to_numpy()]
    other = describe(pairs["text"], SHINGLE_WORDS)
    values = [_similarity(*pair) for pair in zip(one.iter_rows(), other.iter_rows())]
    return pairs.with_columns(similarity=pl.Series(values, dtype=pl.Float64)).filter(
        pl.col("similarity") >= jaccard
    )


def _similarity(one: tuple[Any, ...], other: tuple[Any, ...]) -> float:
    """Return the Jaccard similarity of two described texts; one of a single shingle is like itself only."""
    (*print_of_one, shingles), (*print_of_other, others) = one, other
    if min(len(shingles), len(others)) <= 1:
        return float(print_of_one == print_of_other)
    both = np.intersect1d(shingles, others, assume_unique=True).size
    return both / (len(shingles) + len(others) - both)


def _placed(version: Version, pairs: pl.DataFrame) -> pl.DataFrame:
    from tilth.shards.ledger import first_occurrences

    decided = version.decisions().select("row_id", "verdict", "reason", "split")
    places = first_occurrences(version.occurrences().join(pairs.select("row_id"), on="row_id", how="semi"))
    return (
        pairs.join(decided, on="row_id", how="inner", maintain_order="left")
        .join(places, on="row_id", how="left", maintain_order="left")
        .with_columns(field=pl.col("field").replace_strict(dict(enumerate(FIELDS)), return_dtype=pl.String))
        .sort("asked", "similarity", "row_id", descending=[False, True, False])
        .select(
            "asked",
            "row_id",
            "field",
            "similarity",
            "source_path",
            "line",
            "verdict",
            "reason",
            "split",
            "text",
        )
    )


def facts_of(version: Version, asked: Asked, found: pl.DataFrame) -> dict[str, Any]:
    """Return what was found as plain JSON values."""
    return {"version": version.id, "texts": len(asked.names), "rows": list(_lines(asked, found))}


def _lines(asked: Asked, found: pl.DataFrame) -> Iterator[dict[str, Any]]:
    for line in found.iter_rows(named=True):
        yield {**line, "asked": asked.names[line["asked"]], "row_id": line["row_id"].hex()}


def show(screen: Console, version: Version, asked: Asked, found: pl.DataFrame, max_rows: int) -> None:
    """Print the most alike rows, and how many there are."""
    table = plain_table("alike", "asked", "row", "where", "fate", "text")
    for line in list(_lines(asked, found))[:max_rows]:
        fate = line["split"] if line["verdict"] == "keep" else f"{line['verdict']}: {line['reason']}"
        cells = (line["asked"], line["row_id"][:12], f"{line['source_path']}:{line['line']}", fate)
        text = shorten(visible(line["text"]), SHOWN_CHARS)
        table.add_row(
            f"{line['similarity']:.2f}", *(escape(visible(str(cell))) for cell in cells), escape(text)
        )
    if found.height:
        screen.print(table)
    met, where = found["asked"].n_unique(), f"{version.manifest.name} {version.short}"
    screen.print(
        f"{met:,} of {len(asked.names):,} texts are in {where}, in {found.height:,} places"
        if found.height
        else f"nothing like it is in {where}"
    )
