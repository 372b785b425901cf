"""What people expect of the kept rows: columns, measures or expressions, judged a bounded number of rows at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import polars as pl

from tilth.curation.rules.custom import OWN, row_view
from tilth.curation.rules.expression import ExpressionError, columns, parse
from tilth.curation.run.combine import Combined, aligned
from tilth.shards.columns import LANGUAGE, attribute
from tilth.shards.errors import RecipeError
from tilth.shards.tables import DECISIONS, Verdict
from tilth.shards.version import Version
from tilth.validators.gate import CheckResult
from tilth.validators.recipe import Expectation

CHUNK_ROWS = 50_000
TEXTS = ("prompt", "response", "system", "text", "turns")
DECIDED = ("slice", "split", "fold", "weight")
KEY = ("checks", "expect")


class Judged(Protocol):
    """Rows with what was decided and measured of them."""

    @property
    def rows(self) -> pl.DataFrame:
        """Every distinct row (schema ROWS), in row_id order."""

    @property
    def decisions(self) -> pl.DataFrame:
        """Schema DECISIONS, aligned with `rows`."""

    def measures(self, names: Sequence[str]) -> pl.DataFrame:
        """Return these row-level measures, aligned with `rows`; absent ones are left out."""

    def turns(self, row_ids: pl.Series) -> pl.DataFrame:
        """Return the turns (schema TURNS) of some rows."""


@dataclass(frozen=True)
class OfRun:
    """The rows of a run that is not published yet."""

    data: Combined
    decisions: pl.DataFrame

    @property
    def rows(self) -> pl.DataFrame:
        """Every distinct row."""
        return self.data.rows

    def measures(self, names: Sequence[str]) -> pl.DataFrame:
        """Return these row-level measures, aligned with `rows`; absent ones are left out."""
        return self.data.measures(names)

    def turns(self, row_ids: pl.Series) -> pl.DataFrame:
        """Return the turns of some rows."""
        return self.data.parts.read("turns", row_ids).sort("row_id", "turn")


@dataclass(frozen=True)
class OfVersion:
    """The rows of a published version."""

    version: Version
    rows: pl.DataFrame
    decisions: pl.DataFrame

    @classmethod
    def of(cls, version: Version) -> OfVersion:
        """Open a version."""
        return cls(version, version.rows(), version.decisions())

    def measures(self, names: Sequence[str]) -> pl.DataFrame:
        """Return these row-level measures, aligned with `rows`; absent ones are left out."""
        found = self.version.measures(names)
        return aligned(found.lazy(), self.rows, [name for name in names if name in found.columns])

    def turns(self, row_ids: pl.Series) -> pl.DataFrame:
        """Return the turns of some rows."""
        return self.version.turns(row_ids)


def judge_rows(expectations: Sequence[Expectation], judged: Judged) -> list[CheckResult]:
    """Hold the kept rows against every expectation. Raises RecipeError for a column that no row has.

    A row of which the answer is null fails. Where no row is judged, the check fails: nothing was shown.
    """
    found = [_Found(one, at) for at, one in enumerate(expectations)]
    names = sorted({name for one in found for name in one.columns})
    for frame in _frames(judged, names) if found else ():
        for one in found:
            one.see(frame)
    return [one.result() for one in found]


def require_understood(expectations: Sequence[Expectation]) -> None:
    """Raise RecipeError for the first expression that is none, or a name that repeats."""
    names = [one.name for one in expectations]
    for at, one in enumerate(expectations):
        _Found(one, at)
        if names.count(one.name) > 1:
            raise RecipeError((*KEY, at, "name"), f"{one.name!r} stands twice")


class _Found:
    """What one expectation found so far."""

    def __init__(self, expectation: Expectation, at: int) -> None:
        self.asked, self.key = expectation, (*KEY, at)
        self.good = self._good()
        self.where = self._parsed(expectation.where, "where") if expectation.where else None
        exprs = [one for one in (self.good, self.where) if one is not None]
        self.columns = {name for one in exprs for name in columns(one)}
        if expectation.unique and expectation.column:
            self.columns.add(expectation.column)
        self.count = 0
        self.failing = [pl.DataFrame(schema={"row_id": pl.Binary})]
        self.values: list[pl.DataFrame] = []

    def _parsed(self, text: str, name: str) -> pl.Expr:
        try:
            return parse(text)
        except ExpressionError as error:
            raise RecipeError((*self.key, name), str(error)) from None

    def _good(self) -> pl.Expr | None:
        """Return what is true of a row that is as expected; None where rows are only compared with each other."""
        asked = self.asked
        if asked.expression is not None:
            return self._parsed(asked.expression, "expression").cast(pl.Boolean)
        value = pl.col(str(asked.column))
        number = value.cast(pl.Float64, strict=False)
        parts = [number >= asked.low] if asked.low is not None else []
        parts += [number <= asked.high] if asked.high is not None else []
        parts += [value.cast(pl.String).is_in(asked.one_of)] if asked.one_of is not None else []
        parts += [value.cast(pl.String).str.contains(asked.matches)] if asked.matches is not None else []
        parts += [value.is_not_null()] if asked.present else []
        return pl.all_horizontal(parts) if parts else None

    def see(self, frame: pl.DataFrame) -> None:
        """Judge some rows."""
        try:
            seen = frame.filter(self.where.cast(pl.Boolean)) if self.where is not None else frame
            bad = seen.filter(~self.good.fill_null(False)) if self.good is not None else seen.clear()
        except pl.exceptions.PolarsError as error:
            kind = type(error).__name__
            raise RecipeError(self.key, f"polars refuses it on these rows ({kind})") from None
        self.count += seen.height
        self.failing.append(bad.select("row_id"))
        if self.asked.unique:
            self.values.append(seen.select("row_id", value=pl.col(str(self.asked.column)).cast(pl.String)))

    def result(self) -> CheckResult:
        """Return what was found of all rows."""
        if self.values:
            together = pl.concat(self.values).filter(
                pl.col("value").is_duplicated() & pl.col("value").is_not_null()
            )
            self.failing.append(together.select("row_id"))
        failing = pl.concat(self.failing).unique().sort("row_id")
        share = 1 - failing.height / self.count if self.count else None
        passed = share is not None and share >= self.asked.mostly
        note = f"{failing.height:,} of {self.count:,} rows" if self.count else "no row was judged"
        value = None if share is None else round(share, 6)
        return CheckResult(
            self.asked.name, self.asked.severity, passed, value, self.asked.mostly, note, failing
        )


def _frames(judged: Judged, names: Sequence[str]) -> Iterator[pl.DataFrame]:
    """Yield row_id and these columns of the kept rows, CHUNK_ROWS at a time."""
    kept = (judged.decisions["verdict"].cast(pl.String) == Verdict.KEEP.value).alias("kept")
    measured = judged.measures([LANGUAGE if name == "language" else name for name in names])
    measured = measured.rename({LANGUAGE: "language"}) if LANGUAGE in measured.columns else measured
    known = {*OWN, *DECIDED, "row_id", *measured.columns}
    own = [name for name in names if name not in known]
    absent = [name for name in own if attribute(judged.rows, name).null_count() == judged.rows.height]
    if absent:
        raise RecipeError(
            KEY, f"no row has a column {absent[0]!r}", f"name one of {', '.join((*OWN, *DECIDED))}, language, an "
            "attribute, or a measure of a row"
        )  # fmt: skip
    decided = judged.decisions.select(name for name in DECIDED if name in DECISIONS)
    rows = judged.rows.hstack(decided).hstack(measured).filter(kept)
    for some in rows.iter_slices(CHUNK_ROWS):
        yield _with_texts(judged, some, names).with_columns(attribute(some, name).alias(name) for name in own)


def _with_texts(judged: Judged, rows: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Return rows with the columns that a rule of a recipe may read."""
    if not set(names) & set(TEXTS):
        source = pl.coalesce(attribute(rows, "source"), rows["source"])
        return rows.with_columns(pl.col("shape").cast(pl.String), file="source", source=source)
    said = judged.turns(rows["row_id"]).join(
        rows.select("row_id", "shape", "source", "licence", "attributes"), on="row_id", maintain_order="left"
    )
    view = row_view(said)
    beside = rows.drop("shape", "source", "licence", "attributes")
    return (
        rows.select("row_id")
        .join(view, on="row_id", how="left", maintain_order="left")
        .join(beside, on="row_id", how="left", maintain_order="left")
    )
