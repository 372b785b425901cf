"""Fewer training rows: those that cover the rest, resemble a target set, or score best."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import polars as pl

from tilth.curation.stage import Phase, Positive, Share, Texts, stage
from tilth.shards.columns import column
from tilth.shards.errors import RecipeError
from tilth.shards.tables import SPLIT, VERDICT, Split, Verdict

_KEY = ("curation", "select")
DIMENSIONS = 128
NEXT_SHARE = 0.1  # of the rows: so many are put in order behind those chosen, should feedback ask for more


@stage("select", default=False)
@dataclass(frozen=True)
class Select:
    """Choose some of the training rows; the others become `reserve`: kept, with weight 0.

    method:
      k_center            no row is far from the nearest chosen one (k_center.py)
      facility_location   every row has a chosen one like it (facility_location.py)
      dsir                as if drawn from the texts of `paths`, files in any shape a source may have (importance.py)
      top                 highest (or, with `order: low`, lowest) in the row measure `by`, such as scores.ifd;
                          rows without it come last
    rows or share: how many. per: within each value of this column (slice, source, language, an attribute), in
    proportion to its rows. Likeness is that of words and word pairs of prompt and response (features.py).
    Held-out rows stay as they are, and nothing is dropped.
    """

    method: Literal["k_center", "facility_location", "dsir", "top"] = "facility_location"  # of choosing
    rows: Positive | None = None  # how many are chosen; null: by `share`
    share: Share | None = None  # of the training rows that is chosen; null: by `rows`
    by: str | None = None  # for `top`: the measure of a row, such as `scores.ifd`
    order: Literal["high", "low"] = "high"  # for `top`: whether high or low values come first
    per: str | None = None
    paths: tuple[str, ...] = ()  # for `dsir`: files of texts like those that are wanted

    phase: ClassVar[Phase] = Phase.SELECT

    def __post_init__(self) -> None:
        """Raise RecipeError unless the parameters fit the method."""
        if (self.rows is None) == (self.share is None):
            raise RecipeError(_KEY, "needs rows or share, and not both", "write rows: 10000 or share: 0.2")
        if (self.rows or 0) < 0 or not 0 <= (self.share or 0) <= 1:
            raise RecipeError(_KEY, "rows must be at least 0, share from 0 to 1")
        if (self.by is None) == (self.method == "top"):
            raise RecipeError((*_KEY, "by"), "names the measure of method top, and belongs to it alone")
        if bool(self.paths) != (self.method == "dsir"):
            raise RecipeError(
                (*_KEY, "paths"), "names the target set of method dsir, and belongs to it alone"
            )

    @property
    def needs(self) -> tuple[str, ...]:
        """The row measures that selection reads."""
        return (self.by,) if self.by else ()

    def evidence(self, rows: pl.DataFrame, texts: Texts) -> pl.DataFrame:
        """Return row_id and, for training rows that are chosen, the order in which they were (from 0).

        next: the same for the rows that would have been chosen next. Within a value of `per`. Raises RecipeError for a
        measure or column that no row has, SourceError for a target set that cannot be read.
        """
        is_train = rows["split"].cast(pl.String).fill_null(Split.TRAIN.value) == Split.TRAIN.value
        train = rows.filter(is_train)
        groups = _groups(train, self.per)
        sizes = _sizes([len(g) for g in groups], self._wanted(train.height))
        values = self._values(train, texts) if train.height else np.zeros((0, 1), np.float32)
        place, after = (np.full(train.height, -1, np.int64) for _ in range(2))
        for group, size in zip(groups, sizes):
            order = self._choose(values[group], min(len(group), size + math.ceil(NEXT_SHARE * len(group))))
            place[group[order[:size]]] = np.arange(len(order[:size]))
            after[group[order[size:]]] = np.arange(len(order[size:]))
        numbers = {name: pl.Series(name, found) for name, found in (("place", place), ("next", after))}
        return train.select(
            "row_id", **{name: pl.when(found >= 0).then(found) for name, found in numbers.items()}
        )

    def decide(self, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        """Return split reserve, weight 0 and the tag `not_selected` for training rows that were not chosen."""
        return evidence.filter(pl.col("place").is_null()).select(
            "row_id",
            split=pl.lit(Split.RESERVE.value, SPLIT),
            weight=pl.lit(0, pl.UInt32),
            verdict=pl.lit(Verdict.KEEP.value, VERDICT),
            reason=pl.lit("not_selected"),
        )

    def _wanted(self, rows: int) -> int:
        return min(rows, round(rows * self.share) if self.share is not None else self.rows or 0)

    def _values(self, train: pl.DataFrame, texts: Texts) -> np.ndarray:
        """Return what the method compares: a vector or a number a row."""
        if self.method == "top":
            return self._measure(train)
        ids = train["row_id"]
        said = texts.prompts(ids) + "\n" + texts.responses(ids)
        if self.method == "dsir":
            from tilth.curation.select.importance import gumbel, log_weights, read_target

            return log_weights(said, read_target(self.paths)) + gumbel(ids)
        from tilth.curation.similarity.features import features

        return features(said, DIMENSIONS)

    def require(self, rows: pl.DataFrame, numbers: Callable[[], list[str]]) -> None:
        """Raise RecipeError if no row has the measure `by`; `numbers` are the measures of rows that there are."""
        if self.by and (self.by not in rows.columns or not rows[self.by].dtype.is_numeric()):
            known = numbers()
            raise RecipeError(
                (*_KEY, "by"),
                f"no row has the number {self.by!r}",
                f"numbers of rows here: {', '.join(known) or 'none'}; {_advice(self.by)}",
            )

    def _measure(self, train: pl.DataFrame) -> np.ndarray:
        self.require(train, lambda: [name for name in train.columns if "." in name])
        sign = 1.0 if self.order == "high" else -1.0
        values = (train[self.by or ""].cast(pl.Float64) * sign).fill_nan(None).fill_null(-np.inf)
        return values.to_numpy()

    def _choose(self, values: np.ndarray, size: int) -> np.ndarray:
        from tilth.curation.select.k_center import k_center
        from tilth.curation.similarity.facility_location import facility_location

        if self.method == "k_center":
            return k_center(values, size)
        if self.method == "facility_location":
            return facility_location(values, size)
        return np.argsort(-values, kind="stable")[:size]


def _advice(by: str) -> str:
    """Return where a measure comes from."""
    name = by.rpartition(".")[2]
    if name in ("ifd", "perplexity"):
        return f"scores.{name} comes of `train score` and scores: {{paths: [...]}}"
    return "a measure is named STAGE.MEASURE, and its stage has to be on"


def _groups(train: pl.DataFrame, per: str | None) -> list[np.ndarray]:
    """Return the places of the rows of each value of a column, values in order; one group without a column."""
    if per is None:
        return [np.arange(train.height)]
    values = train["slice"] if per == "slice" else column(train, per)
    if values is None:
        raise RecipeError(
            (*_KEY, "per"),
            f"no row has a column {per!r}",
            "name slice, source, file, language or an attribute",
        )
    code = values.fill_null("").rank("dense").to_numpy()
    return [np.flatnonzero(code == value) for value in np.unique(code)]


def _sizes(rows: list[int], wanted: int) -> list[int]:
    """Share out `wanted` in proportion to the rows of each group, the largest remainders rounded up."""
    exact = [wanted * n / max(1, sum(rows)) for n in rows]
    sizes = [int(x) for x in exact]
    by_remainder = sorted(range(len(rows)), key=lambda i: (sizes[i] - exact[i], i))
    for group in by_remainder[: wanted - sum(sizes)]:
        sizes[group] += 1
    return sizes
