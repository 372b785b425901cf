"""The items of evaluation files: what rows are compared with."""

from __future__ import annotations

import glob
from pathlib import Path

import polars as pl

from tilth.shards.errors import SourceError, UsageError
from tilth.shards.lock import temporary
from tilth.shards.tables import OCCURRENCES, TURNS, Role, empty

PROMPT, RESPONSE = "prompt", "response"
ASKED = (Role.USER.value, Role.DOCUMENT.value)
ANSWERED = (Role.ASSISTANT.value, Role.CHOSEN.value)
# A question, then its choices, each on a line: rows may have the question alone, or the choices in another form.
_WITH_CHOICES = r"(?s)\A(.*?\S)\s*\n[ \t]*\(?[A1][.):][ \t].*\n[ \t]*\(?[B2][.):][ \t]"


def read_items(paths: tuple[str, ...], columns: dict[str, str] | None = None) -> pl.DataFrame:
    """Return item ("file:line"), item_id, field and text of every prompt and response of the files.

    columns: part -> column, where the files have columns that are not recognised.

    A question with choices is an item of its own as well. Raises SourceError naming the first line that cannot be
    read: an item that is not seen cannot be found.
    """
    seen, turns, files = _read(paths, columns)
    readable = seen.filter(pl.col("row_id").is_not_null())
    _require_all(seen, readable, files)
    named = readable.unique("row_id", keep="first", maintain_order=True).select(
        "row_id", item=pl.format("{}:{}", pl.col("source_path").str.extract(r"([^/\\]+)$"), "line")
    )
    role = pl.col("role").cast(pl.String)
    fields = (
        turns.with_columns(
            field=pl.when(role.is_in(ASKED))
            .then(pl.lit(PROMPT))
            .when(role.is_in(ANSWERED))
            .then(pl.lit(RESPONSE))
        )
        .filter(pl.col("field").is_not_null())
        .sort("row_id", "field", "turn")
        .group_by("row_id", "field", maintain_order=True)
        .agg(text=pl.col("text").fill_null("").str.join("\n"))
    )
    question = pl.col("text").str.extract(_WITH_CHOICES, 1)
    alone = fields.filter(pl.col("field") == PROMPT).with_columns(text=question).drop_nulls("text")
    return (
        pl.concat([fields, alone])
        .join(named, on="row_id")
        .select("item", "field", "text", item_id="row_id")
        .sort("item", "field", "text")
    )


def _read(
    paths: tuple[str, ...], columns: dict[str, str] | None
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Return the lines of the files, the turns of their rows, each once, and the files."""
    from tilth.curation.reading.limits import ReadLimits
    from tilth.curation.reading.read import ingest
    from tilth.curation.reading.source import Source

    with temporary() as scratch:
        try:
            sources = [Source(path=glob.escape(str(Path(path).resolve())), map=columns) for path in paths]
        except ValueError as error:  # of pydantic, whose first line only names the model
            raise UsageError(
                "curation.decontaminate",
                f"{columns} is no map",
                "Nothing was curated",
                "name parts of a row: {prompt: COLUMN, response: COLUMN}",
            ) from error
        try:
            read = ingest(sources, Path("/"), scratch, ReadLimits())
        except UsageError as error:
            raise SourceError(
                error.where,
                f"this evaluation file cannot be read: {error.what}",
                "Rows that hold its items could not be found",
                "say `map: {prompt: COLUMN, response: COLUMN}` of curation.decontaminate, or write its questions "
                "under `prompt` or `question` and what is right under `response` or `answer`",
            ) from error
        lines = [empty(OCCURRENCES), *(pl.read_parquet(part.occurrences, glob=False) for part in read.parts)]
        seen = pl.concat(lines).sort("source_path", "line")
        turns = pl.concat([empty(TURNS), *(pl.read_parquet(part.turns, glob=False) for part in read.parts)])
    return seen, turns.unique(["row_id", "turn"]), [file.path for file in read.files]


def _require_all(seen: pl.DataFrame, readable: pl.DataFrame, files: list[str]) -> None:
    """Raise SourceError for a line that cannot be read, or a file without a line."""
    lost = seen.filter(pl.col("row_id").is_null() & (pl.col("reader_reason") != "blank"))
    if lost.height:
        first = lost.row(0, named=True)
        raise SourceError(
            f"{first['source_path']}:{first['line']}",
            f"this evaluation line cannot be read ({first['reader_reason']}), one of {lost.height:,}",
            "Rows that hold it could not be found",
            "repair the file, or take it out of curation.decontaminate",
        )
    for file in files:
        if file not in readable["source_path"]:
            raise SourceError(
                file,
                "this evaluation file holds no item",
                "Rows that hold what belongs there could not be found",
                "fill it, or take it out of curation.decontaminate or evaluation.tasks",
            )
