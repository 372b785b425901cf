"""Conversations that go on after their last response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import polars as pl

from tilth.curation.stage import Phase, stage
from tilth.shards.tables import Role


@stage("trim", order=30)
@dataclass(frozen=True)
class Trim:
    """Leave out the user turns behind the last response of a conversation, which nobody answered.

    A row without any response stays as it is; the rule `roles` says so of it.
    """

    phase: ClassVar[Phase] = Phase.REWRITE

    def rewrite(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return the turns without those behind the last assistant turn, where they are all of the user."""
        row, role = pl.col("row_id"), pl.col("role")
        is_last = (row != row.shift(-1)).fill_null(True)
        ends_open = turns.filter(is_last & (role == Role.USER.value))["row_id"]
        if ends_open.is_empty():
            return turns
        last_other = (
            turns.filter(row.is_in(ends_open.implode()) & (role != Role.USER.value))
            .group_by("row_id", maintain_order=True)
            .agg(pl.col("role").last().alias("before"), pl.col("turn").last().alias("end"))
            .filter(pl.col("before") == Role.ASSISTANT.value)
        )
        ends = turns.select("row_id", "turn").join(last_other, on="row_id", how="left", maintain_order="left")
        return turns.filter((ends["turn"] <= ends["end"]).fill_null(True))
