"""A look at one data file without a recipe: what it holds, what is wrong with it, what the defaults would take.

Every line is read with every guard on; rows beyond `MAX_ROWS` are judged on a sample, the least row ids, which
is as random as a hash and the same in every run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tilth.curation.dedup.near import Dedup
from tilth.curation.pii import find
from tilth.curation.reading.files import source_of
from tilth.curation.reading.limits import ReadLimits
from tilth.curation.reading.read import Ingest, SourceFile, ingest
from tilth.curation.recipe import parse
from tilth.curation.run.kept.shuffle import Range
from tilth.curation.run.local import LocalTask, findings_of, run_local
from tilth.curation.run.texts import HeldTexts
from tilth.shards import arrow_file
from tilth.shards.errors import SourceError
from tilth.shards.tables import FINDINGS, OCCURRENCES, ROWS, SPLIT, TURNS, Split, Verdict, conform, empty

MAX_ROWS = 50_000
LIMITS = ReadLimits(max_file_bytes=1 << 30)


@dataclass(frozen=True)
class Checkup:
    """What a file holds.

    files: those read, and why reading stopped early. occurrences: every line. rows, turns: the judged sample,
    texts redacted. findings: what the default rules say of it, and near duplicates (schema FINDINGS). measures:
    one line a row. private: kind, turns.
    """

    files: list[SourceFile]
    occurrences: pl.DataFrame
    rows: pl.DataFrame
    turns: pl.DataFrame
    findings: pl.DataFrame
    measures: pl.DataFrame
    private: pl.DataFrame

    @property
    def distinct(self) -> int:
        """The number of distinct readable rows of the file."""
        return self.occurrences["row_id"].drop_nulls().n_unique()


def examine(path: Path, scratch: Path, *, max_rows: int = MAX_ROWS) -> Checkup:
    """Read `path` and judge its rows by the default rules; files are written in `scratch` only.

    Raises UsageError where no shape is recognised, SourceError where the file cannot be read or holds no row.
    """
    read = ingest([source_of(path)], Path.cwd(), scratch / "read", LIMITS)
    occurrences = pl.concat(
        [empty(OCCURRENCES), *(pl.read_parquet(part.occurrences, glob=False) for part in read.parts)]
    ).sort("source_path", "line")
    ids = occurrences["row_id"].drop_nulls().unique().sort().head(max_rows)
    if not ids.len():
        raise SourceError(
            str(path), f"of {occurrences.height:,} lines none is a row", "", "see: validate FILE"
        )
    part = _sampled(read, ids, scratch)
    recipe = parse({"decontaminate": None}, Path.cwd())
    judged = run_local(LocalTask(part, 0, scratch, tuple(recipe.rewrites()), tuple(recipe.locals())))
    rows = pl.read_parquet(judged.path("rows"), glob=False).sort("row_id")
    measures = pl.scan_parquet(judged.path("measures"), glob=False)
    found = findings_of(measures, recipe.rewrites(), recipe.locals())
    return Checkup(
        files=read.files,
        occurrences=occurrences,
        rows=rows,
        turns=pl.read_parquet(judged.path("turns"), glob=False),
        findings=pl.concat([*found, _repeats(rows, judged.path("turns"))]),
        measures=measures.filter(pl.col("turn").is_null()).drop("turn").collect(),
        private=_private(arrow_file.read(part.turns)["text"]),
    )


def _sampled(read: Ingest, ids: pl.Series, scratch: Path) -> Range:
    """Write the rows of `ids` together, each row from the first part that holds it."""
    wanted = ids.to_frame("row_id")
    rows, turns = [empty(ROWS)], [empty(TURNS)]
    for part in read.parts:
        here = (
            pl.read_parquet(part.rows, glob=False)
            .join(wanted, on="row_id", how="semi")
            .unique("row_id", keep="first")
        )
        rows.append(here)
        turns.append(
            pl.read_parquet(part.turns, glob=False).join(here.select("row_id"), on="row_id", how="semi")
        )
        wanted = wanted.join(here, on="row_id", how="anti")
    sample = Range(scratch / "sample-turns.arrow", scratch / "sample-rows.arrow")
    arrow_file.write(sample.turns, iter([conform(pl.concat(turns), TURNS)]))
    arrow_file.write(sample.rows, iter([conform(pl.concat(rows), ROWS)]))
    return sample


def _repeats(rows: pl.DataFrame, turns: Path) -> pl.DataFrame:
    """Return the near duplicates among the rows (schema FINDINGS)."""
    texts = HeldTexts(pl.read_parquet(turns, glob=False))
    stage = Dedup(held_out_jaccard=None, max_cluster=1.0)
    assigned = rows.with_columns(split=pl.lit(Split.TRAIN.value, SPLIT))
    found = stage.decide(assigned, stage.evidence(assigned, texts))
    return conform(found.with_columns(stage=pl.lit("dedup")), FINDINGS)


def _private(texts: pl.Series) -> pl.DataFrame:
    """Return kind and the number of turns that hold personal data of that kind, most first."""
    found = find(texts).group_by("kind").agg(turns=pl.col("index").n_unique())
    return found.select(pl.col("kind").cast(pl.String), "turns").sort(
        "turns", "kind", descending=[True, False]
    )


def taken(findings: pl.DataFrame) -> pl.DataFrame:
    """Return row_id, verdict, stage, reason of the first finding of each row that takes it out."""
    out = findings.filter(pl.col("verdict") != Verdict.KEEP.value)
    return out.unique("row_id", keep="first", maintain_order=True)
