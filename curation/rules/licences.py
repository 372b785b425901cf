"""Rows under licences that a recipe does not allow, and those that are not for commercial use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.licences import is_allowed, is_non_commercial
from tilth.shards.tables import Verdict

_MEASURES = ("not_allowed", "unknown", "non_commercial")


@stage("licences", order=10)
@dataclass(frozen=True)
class Licences:
    """Drop rows whose licence is not one of `allow`; tag those that are not for commercial use.

    allow: licences by any spelling (`MIT`, `apache 2.0`, `CC-BY-4.0`), null for any; of `A OR B` one must be
    allowed, of `A AND B` both. A row that stands in several lines has the licences of all of them, so that the
    strictest decides, whatever their order. unknown: what becomes of rows without a licence where `allow` is set.
    non_commercial: of rows under NC terms or for research only.
    """

    allow: tuple[str, ...] | None = None
    unknown: Verdict = limit(Verdict.KEEP)
    non_commercial: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "row"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id and 1.0 or 0.0 for not_allowed, unknown (both null without `allow`), non_commercial.

        Of a run without any licence nothing is measured, unless `allow` is set.
        """
        if self.allow is None and turns["licence"].null_count() == turns.height:
            return turns.clear().select(
                "row_id", *(pl.lit(None, pl.Float64).alias(name) for name in _MEASURES)
            )
        rows = turns.select("row_id", "licence").unique("row_id", keep="first", maintain_order=True)
        return rows.join(self._judged(rows["licence"]), on="licence", how="left", nulls_equal=True).select(
            "row_id", *_MEASURES
        )

    def _judged(self, licences: pl.Series) -> pl.DataFrame:
        """Return each distinct licence with its measures."""
        judged = [
            (
                licence,
                None if self.allow is None or licence is None else float(not is_allowed(licence, self.allow)),
                None if self.allow is None else float(licence is None),
                None if licence is None else float(is_non_commercial(licence)),
            )
            for licence in licences.unique()
        ]
        schema = {"licence": pl.String(), **dict.fromkeys(_MEASURES, pl.Float64())}
        return pl.DataFrame(judged, schema=schema, orient="row")

    def rules(self) -> tuple[Rule, ...]:
        """Return the rule over `allow`, the one over rows without a licence, and the one over NC terms."""
        return (
            Rule("not_allowed", "licence_not_allowed", high=0),
            Rule("unknown", "licence_unknown", high=0, verdict=self.unknown),
            Rule("non_commercial", "non_commercial", high=0, verdict=self.non_commercial),
        )
