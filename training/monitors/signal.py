"""What a monitor says."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import polars as pl

from tilth.shards.feedback import Finding
from tilth.shards.tables import conform

# Fewer independent groups than this cannot carry a bound; the monitor abstains.
MIN_GROUPS = 8
# A slice has one finding per evaluation: the one that asks for the most, the others stand in its evidence.
SEVERITY = (Finding.OVERFIT, Finding.MEMORISING, Finding.REPEATED)
NUMBERS = ("value", "lcb", "threshold", "alpha")
# What a signal says of single rows.
ROW_FINDINGS = pl.Schema(
    {
        "row_id": pl.Binary(),
        "finding": pl.String(),
        "est_precision": pl.Float64(),
        "evidence": pl.String(),
        "proposed_row": pl.Binary(),  # a row that bears the answer this one should have
        "proposed_probability": pl.Float64(),
    }
)


@dataclass(frozen=True)
class Signal:
    """One test: `finding` is NONE where the monitor stayed quiet, INCONCLUSIVE where it had too few rows.

    slice: None for the whole run. rows: schema ROW_FINDINGS, what it says of single rows. monitor and proposes are
    set by whoever asked it (monitor.py).
    """

    finding: Finding
    slice: str | None
    evidence: str
    value: float | None = None
    lcb: float | None = None
    threshold: float | None = None
    alpha: float | None = None
    rows: pl.DataFrame | None = None
    monitor: str = ""
    proposes: str = ""

    @property
    def fired(self) -> bool:
        """Tell whether something was found."""
        return self.finding not in (Finding.NONE, Finding.INCONCLUSIVE)

    def checked(self) -> Signal:
        """Return the signal with plain numbers and rows in their schema. Raises where it is none."""
        plain: dict[str, Any] = {
            name: None if getattr(self, name) is None else float(getattr(self, name)) for name in NUMBERS
        }
        rows = None if self.rows is None else conform(self.rows, ROW_FINDINGS)
        if rows is not None and not rows["finding"].is_in(list(Finding)).fill_null(False).all():
            raise ValueError("a row is named without a finding")
        return replace(self, finding=Finding(self.finding), evidence=str(self.evidence), rows=rows, **plain)

    def to_dict(self) -> dict[str, Any]:
        """Return the signal as plain JSON values, without its rows; None for an infinite bound."""
        values = {f.name: finite(getattr(self, f.name)) for f in fields(self) if f.name != "rows"}
        return {**values, "finding": self.finding.value}


def too_few(slice_name: str | None, groups: int) -> Signal:
    """Return the signal of a monitor that abstains."""
    return Signal(Finding.INCONCLUSIVE, slice_name, f"{groups} independent rows, {MIN_GROUPS} needed")


def most_severe(signals: Sequence[Signal]) -> Signal:
    """Return the signal that asks for the most; INCONCLUSIVE only where no test of losses had enough rows."""
    for finding in SEVERITY:
        for signal in signals:
            if signal.finding is finding:
                return signal
    ranked = [
        *(s for s in signals if s.fired),
        *(s for s in signals if s.alpha is not None),
        *signals,
        Signal(Finding.INCONCLUSIVE, None, "no monitor spoke of it"),
    ]
    return ranked[0]


def finite(value: Any) -> Any:
    """Return None for a number that JSON cannot hold."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
