"""Great Expectations judges the metrics: one wide line in, one result per check out.

It never sees a row of data. A null passes a bound in Great Expectations, as does an empty frame, so every
bound stands beside a not-null expectation and the frame must have exactly one line; a metric that is missing
is a failed check.
"""

from __future__ import annotations

import math
import os
import threading
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any, Literal

import polars as pl

from tilth.validators.recipe import Checks

Severity = Literal["error", "warning"]

# check -> (metric it bounds, severity); an error fails the version, a warning is only shown.
CHECKS: dict[str, tuple[str, Severity]] = {
    "max_unaccounted": ("unaccounted", "error"),
    "max_unfinished": ("unfinished_files", "error"),
    "min_rows": ("kept", "error"),
    "max_duplicate_rate": ("duplicate_rate", "error"),
    "max_leak_rate": ("leak_rate", "error"),
    "max_split_miss": ("split_miss", "error"),
    "max_quarantine_rate": ("quarantine_rate", "error"),
    "max_drop_rate": ("drop_rate", "error"),
    "max_source_shrink": ("source_shrink", "error"),
    "max_drift_bits": ("drift_bits", "error"),
    "max_source_loss": ("max_source_loss", "warning"),
    "min_effective_rate": ("effective_rate", "warning"),
}

# check -> the metric that it bounds too: the same rate of what is new
OF_NEW = {
    "max_quarantine_rate": "new_quarantine_rate",
    "max_drop_rate": "new_drop_rate",
    "max_drift_bits": "new_drift_bits",
}


@dataclass(frozen=True)
class CheckResult:
    """What one check found. `value` is None where the metric is missing or could not be computed."""

    name: str
    severity: Severity
    passed: bool
    value: float | None
    bound: float
    note: str = ""
    failing: pl.DataFrame | None = field(
        default=None, compare=False, repr=False
    )  # row_id of the rows that fail it, where it speaks of rows

    @property
    def operator(self) -> str:
        """`>=` for a lower bound, `<=` for an upper one."""
        return "<=" if self.name.startswith("max_") else ">="

    @property
    def blocks(self) -> bool:
        """Whether this result fails the version."""
        return not self.passed and self.severity == "error"


def judge(metrics: pl.DataFrame, checks: Checks) -> list[CheckResult]:
    """Hold the one-line metrics frame (`metrics.measure`) against the recipe, in the order of its fields."""
    bounds = checks.bounds
    if not bounds:
        return []
    verdicts = _validate(metrics, bounds)
    whole_frame = all(verdicts.pop(""))
    return [
        _result(name, bound, metrics, whole_frame and all(verdicts[name])) for name, bound in bounds.items()
    ]


def load_ahead(checks: Checks) -> None:
    """Import what `judge` will need while something else computes: it takes seconds."""
    if checks.bounds:
        threading.Thread(target=_great_expectations).start()


def _result(name: str, bound: float, metrics: pl.DataFrame, passed: bool) -> CheckResult:
    metric, severity = CHECKS[name]
    present = metric in metrics.columns and metrics.height == 1
    value = metrics[metric][0] if present else None
    if value is not None and math.isnan(value):
        value = None
    note = "" if value is not None else f"'{metric}' is missing from the metrics or could not be computed"
    of_new = metrics[OF_NEW[name]][0] if OF_NEW.get(name) in metrics.columns and present else None
    if value is not None and of_new is not None and of_new > value:
        value, note = of_new, f"of the {metrics['new_lines'][0]:,} lines that are new"
    return CheckResult(name, severity, passed, value, bound, note)


def _validate(metrics: pl.DataFrame, bounds: dict[str, float]) -> dict[str, list[bool]]:
    """Return, per check and for the frame ("" : has one line), the success of each expectation."""
    gx = _great_expectations()
    expect = gx.expectations
    expectations = [expect.ExpectTableRowCountToEqual(value=1, meta={"check": ""})]
    for name, bound in bounds.items():
        meta = {"check": name}
        limits = {"min_value" if name.startswith("min_") else "max_value": bound}
        of_new = [metric for metric in (OF_NEW.get(name),) if metric in metrics.columns]
        for metric in (CHECKS[name][0], *of_new):
            expectations += [
                expect.ExpectColumnValuesToNotBeNull(column=metric, meta=meta),
                expect.ExpectColumnValuesToBeBetween(column=metric, meta=meta, **limits),
            ]
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("metrics").add_dataframe_asset("metrics")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": metrics.to_pandas()})
    outcome = batch.validate(gx.ExpectationSuite(name="checks", expectations=expectations))
    verdicts: dict[str, list[bool]] = defaultdict(list)
    for result in outcome.results:
        verdicts[result.expectation_config.meta["check"]].append(bool(result.success))
    return verdicts


def _great_expectations() -> Any:
    """Import Great Expectations, which takes seconds, with its analytics off (read at import)."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations
    import great_expectations.expectations

    return great_expectations
