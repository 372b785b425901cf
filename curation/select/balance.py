"""Weights that bring the training rows to declared shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from tilth.curation.stage import Phase, Share, Texts, Weight, limit, stage
from tilth.shards.columns import column
from tilth.shards.errors import RecipeError
from tilth.shards.shares import aim_of
from tilth.shards.tables import WEIGHT_UNIT, Split

MARGIN_TOLERANCE, RELATIVE_TOLERANCE = 0.01, 0.1
OTHERS = "values that are not named"
_ROUNDS, _CONVERGED = 500, 1e-9
_KEY = ("curation", "balance")


@stage("balance")
@dataclass(frozen=True)
class Balance:
    """Weigh training rows so that each column of `target` has the shares it declares.

    by: columns whose values make the cells that are weighed alike; those of `target` always do. target:
    column -> value -> share of the training weight. Shares of less than one leave the rest to the values that are
    not named; with shares of one these keep what they have, and the shares are of the rest (shards/shares.py).
    A share is met within one point, and within a tenth of itself, or refused. A column is source, file, language,
    shape, group, licence, slice or an attribute. min_effective: floor of the effective sample size (Kish:
    (sum w)^2 / sum w^2) as a share of the rows. max_weight: weights stay within [1 / max_weight, max_weight],
    their mean is about 1. Without a target every weight is 1. Rows are never copied or dropped.
    """

    by: tuple[str, ...] = ()
    target: dict[str, dict[str, Share]] | None = None
    min_effective: Share = limit(0.6)
    max_weight: Weight = limit(4.0)

    phase: ClassVar[Phase] = Phase.WEIGH

    @property
    def needs(self) -> tuple[str, ...]:
        """The language of a row, where a column asks for it."""
        return ("language.language",) if "language" in (*self.by, *(self.target or {})) else ()

    def evidence(self, rows: pl.DataFrame, texts: Texts) -> pl.DataFrame:
        """Return row_id and the value of every column, null where a row has none."""
        names = list(dict.fromkeys((*self.by, *(self.target or {}))))
        return rows.select("row_id", *(_column(rows, name).alias(name) for name in names))

    def decide(self, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        """Return the weight of every training row.

        Raises RecipeError naming the column and value that has no row, that trimmed weights cannot bring
        within one point of its share, or that costs the most effective rows.
        """
        if not self.target:
            reserved = (rows["split"].cast(pl.String) == Split.RESERVE.value).fill_null(False)
            return rows.filter(~reserved).select("row_id", weight=pl.lit(WEIGHT_UNIT, pl.UInt32))
        train = evidence.filter(
            rows["split"].cast(pl.String).fill_null(Split.TRAIN.value) == Split.TRAIN.value
        )
        names = [name for name in evidence.columns if name != "row_id"]
        cells = train.group_by(names).len("rows").sort(names, nulls_last=True)
        margins = [_margin(cells, name, shares) for name, shares in sorted(self.target.items())]
        weights = self._rake(cells["rows"].to_numpy().astype(np.float64), margins)
        self._check(cells["rows"].to_numpy(), weights, margins)
        millionths = pl.Series((weights * WEIGHT_UNIT).round(), dtype=pl.UInt32)
        weighed = cells.select(names).with_columns(weight=millionths)
        return train.join(weighed, on=names, how="left", nulls_equal=True, maintain_order="left").select(
            "row_id", "weight"
        )

    def _rake(self, counts: np.ndarray, margins: list[Margin]) -> np.ndarray:
        """Scale the cells to each margin in turn (Deming and Stephan 1940), trimming after each round."""
        weights = np.ones(counts.size)
        for _ in range(_ROUNDS):
            before = weights.copy()
            for margin in margins:
                mass = np.array([counts[cells] @ weights[cells] for cells in margin.cells])
                for cells, factor in zip(margin.cells, margin.shares * mass.sum() / mass):
                    weights[cells] *= factor
            weights = (weights * counts.sum() / (counts @ weights)).clip(1 / self.max_weight, self.max_weight)
            if np.abs(weights - before).max() < _CONVERGED:
                break
        return weights

    def _check(self, counts: np.ndarray, weights: np.ndarray, margins: list[Margin]) -> None:
        """Raise RecipeError if a margin is missed or the effective sample size is under its floor."""
        for margin in margins:
            reached = margin.of(counts * weights)
            allowed = np.minimum(MARGIN_TOLERANCE, RELATIVE_TOLERANCE * margin.shares)
            worst = int((np.abs(reached - margin.shares) / allowed).argmax())
            if abs(reached[worst] - margin.shares[worst]) > allowed[worst]:
                raise RecipeError(
                    (*_KEY, "target", margin.column, margin.values[worst]),
                    f"a share of {margin.shares[worst]:.4g} is out of reach: {margin.of(counts)[worst]:.1%} "
                    f"of the rows come to {reached[worst]:.1%} with weights up to {self.max_weight:g}",
                    "lower the share, add rows of this kind, or raise balance.max_weight",
                )
        effective = float((counts @ weights) ** 2 / (counts @ weights**2)) / counts.sum()
        if effective < self.min_effective:
            margin, worst, ratio = max(
                ((m, i, float(r)) for m in margins for i, r in enumerate(m.shares / m.of(counts))),
                key=lambda found: found[2],
            )
            raise RecipeError(
                (*_KEY, "target", margin.column, margin.values[worst]),
                f"the weights leave an effective sample of {effective:.1%} of the rows, under min_effective "
                f"{self.min_effective:g}; this value would count {ratio:.1f} times",
                "lower the share, add rows of this kind, or lower balance.min_effective",
            )


@dataclass(frozen=True)
class Margin:
    """The shares of one column that are aimed at, and the cells of each of its values; of all others together last."""

    column: str
    values: list[str]
    cells: list[np.ndarray]
    shares: np.ndarray

    def of(self, mass: np.ndarray) -> np.ndarray:
        """Return the share of each value in a mass over the cells."""
        sums = np.array([mass[cells].sum() for cells in self.cells])
        return np.asarray(sums / sums.sum())


def _margin(cells: pl.DataFrame, column: str, declared: dict[str, float]) -> Margin:
    """Look up the cells of every value with a share; raise RecipeError for a share without rows."""
    if not declared or min(declared.values()) <= 0:
        raise RecipeError(
            (*_KEY, "target", column), "shares must be above 0", "leave a value out to keep its share"
        )
    rows = dict(cells.group_by(column).agg(pl.col("rows").sum()).iter_rows())
    aim = aim_of(declared, rows)
    for value, share in aim.shares.items():
        if value not in rows:
            known = ", ".join(sorted(v for v in rows if v is not None)[:10])
            raise RecipeError(
                (*_KEY, "target", column, value),
                f"a share of {share:g} for a value that no training row has",
                f"add rows of this kind or take it out; values here: {known}",
            )
    found = {value: (cells[column] == value).fill_null(False).to_numpy() for value in aim.shares}
    shares = dict(aim.shares)
    if aim.others:
        found[OTHERS] = ~np.logical_or.reduce(list(found.values()))
        shares[OTHERS] = aim.others
    places = [np.flatnonzero(among) for among in found.values()]
    return Margin(column, list(shares), places, np.array(list(shares.values())))


def _column(rows: pl.DataFrame, name: str) -> pl.Series:
    values = rows["slice"] if name == "slice" else column(rows, name)
    if values is None:
        raise RecipeError(
            (*_KEY, name),
            "no row has this column",
            "name source, file, language, shape, slice or an attribute",
        )
    return values.cast(pl.String)
