"""Reads one feedback record against the rows as they are now, and refuses what cannot be true of them."""

from __future__ import annotations

from dataclasses import dataclass, field

import polars as pl

from tilth.shards.feedback import FeedbackHeader, Finding
from tilth.shards.tables import FOLDS

NUMBERS = (
    "loss_first",
    "loss_last",
    "loss_mean",
    "margin_mean",
    "contradiction",
    "oos_loss",
    "est_precision",
)
SLICE_NUMBERS = ("repetition_value", "gap", "lcb", "alpha")
_ACTED_ON = (Finding.REPEATED, Finding.MEMORISING, Finding.OVERFIT)
_OFTEN = pl.Schema(
    {"row_id": pl.Binary(), "slice": pl.String(), "n_exposures": pl.UInt32(), "finding": pl.String()}
)
_ROWS = pl.Schema({"row_id": pl.Binary(), "slice": pl.String(), "est_precision": pl.Float64()})


@dataclass(frozen=True)
class Evidence:
    """What a record says about rows that are as it saw them.

    noisy: row_id, slice, est_precision, surest first. often: row_id, slice, n_exposures, finding of rows that were seen
    too often or are recited, those seen most often first. slices_of_rows: row_id and slice of every row now.
    slice_findings: slice -> (finding, repetition value) at its last evaluation. proposals: finding, target,
    evidence, and what the monitor itself proposes. skipped: rows the record speaks of that are changed or gone.
    refusal: why the record is refused.
    """

    noisy: pl.DataFrame
    slices_of_rows: pl.DataFrame
    often: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=_OFTEN))
    slice_findings: dict[str, list[tuple[Finding, float]]] = field(default_factory=dict)
    proposals: list[tuple[Finding, str, str, str]] = field(default_factory=list)
    skipped: int = 0
    refusal: str = ""


def read_record(
    rows: pl.DataFrame,
    header: FeedbackHeader,
    seen: pl.DataFrame,
    slices: pl.DataFrame,
    min_known_share: float,
) -> Evidence:
    """Read a record against `rows` (row_id, text_digest, slice of the rows now kept)."""
    of_rows = rows.select("row_id", "slice")
    nothing = pl.DataFrame(schema=_ROWS)
    refusal = _contradiction(header, seen, slices)
    if refusal:
        return Evidence(nothing, of_rows, refusal=refusal, skipped=seen.height)
    known = seen.drop("slice").join(rows, on=["row_id", "text_digest"], how="inner")
    skipped = seen.height - known.height
    if known.height < min_known_share * max(seen.height, 1):
        return Evidence(nothing, of_rows, refusal="it does not know these rows", skipped=skipped)
    noisy = known.filter(
        (pl.col("finding").cast(pl.String) == Finding.NOISY.value)
        & pl.col("est_precision").is_not_null()
        & pl.col("slice").is_not_null()
    )
    order = [pl.col("est_precision"), pl.col("contradiction").fill_null(0.0), pl.col("row_id")]
    uncertain = known.filter(pl.col("finding").cast(pl.String) == Finding.UNCERTAIN.value).height
    proposals = [(Finding.UNCERTAIN, f"{uncertain} rows", "one signal of two", "")] if uncertain else []
    last = slices.filter(pl.col("evaluation") == pl.col("evaluation").max().over("slice")).sort(
        "slice", "finding"
    )
    found: dict[str, list[tuple[Finding, float]]] = {}
    for name, finding, value, said in last.select(
        "slice", "finding", "repetition_value", "evidence"
    ).iter_rows():
        kind = Finding(finding or Finding.NONE)
        if kind in _ACTED_ON and kind not in [k for k, _ in found.get(name, [])]:
            found.setdefault(name, []).append((kind, 1.0 if value is None else value))
        elif kind == Finding.COVERAGE_GAP:
            proposals.append((kind, name, said or "", ""))
    for run_level in header.findings:
        kind = Finding(run_level.get("finding", Finding.NONE))
        name = str(run_level.get("slice") or "")
        if kind is Finding.STARVED and (kind, 1.0) not in found.get(name, []):
            found.setdefault(name, []).append((kind, 1.0))
        evidence, proposed = (str(run_level.get(key) or "") for key in ("evidence", "proposes"))
        proposals.append((kind, str(run_level.get("slice") or "the run"), evidence, proposed))
    return Evidence(
        noisy.sort(order, descending=[True, True, False]).select(_ROWS.names()),
        of_rows,
        _often(known),
        found,
        proposals,
        skipped,
    )


def _often(known: pl.DataFrame) -> pl.DataFrame:
    """Return the rows that a run saw too often or recites, those seen most often first."""
    finding = pl.col("finding").cast(pl.String)
    kinds = [Finding.REPEATED.value, Finding.EXTRACTABLE.value]
    named = known.filter(finding.is_in(kinds) & (pl.col("n_exposures") > 1) & pl.col("slice").is_not_null())
    return named.sort(["n_exposures", "row_id"], descending=[True, False]).select(
        "row_id", "slice", "n_exposures", finding
    )


def _contradiction(header: FeedbackHeader, seen: pl.DataFrame, slices: pl.DataFrame) -> str:
    """Return why a record cannot be what a run wrote, or an empty string."""
    if header.row_count != seen.height:
        return "its header counts other rows than it holds"
    if seen["row_id"].is_duplicated().any() or seen["row_id"].null_count():
        return "it names a row twice or not at all"
    for frame, names in ((seen, NUMBERS), (slices, SLICE_NUMBERS)):
        if frame.select(pl.any_horizontal((~pl.col(n).is_finite()).any() for n in names)).item():
            return "it holds numbers that are not finite"
    if not seen["est_precision"].drop_nulls().is_between(0.0, 1.0).all():
        return "it holds a precision outside 0 to 1"
    if not slices["repetition_value"].drop_nulls().is_between(0.0, 1.0).all():
        return "it holds a repetition value outside 0 to 1"
    if not header.seeds or header.steps < 1 or any(not 0 <= fold < FOLDS for fold in header.twin_folds):
        return "its header describes no run"
    if not {f.get("finding", "none") for f in header.findings} <= {f.value for f in Finding}:
        return "its header names an unknown finding"
    return ""
