"""The row-local part of a run: rewrite, digest, measure and judge the rows of one part file.

A stage that raises takes no batch with it: the batch is halved until the row is found, and that row alone is
quarantined.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tilth.curation.read import Part
from tilth.curation.stage import Local, Rewrite, Rule
from tilth.shards.digest import text_digests
from tilth.shards.tables import FINDINGS, MEASURE_KEYS, ROWS, TURNS, VERDICT, Verdict, conform, empty

# What a stage sees of a row beside its turns.
SEEN = ("shape", "tools", "source", "licence", "attributes", "text_digest")


@dataclass(frozen=True)
class LocalTask:
    """One part and the stages it goes through; written files lie in `out_dir`."""

    part: Part
    index: int
    out_dir: Path
    rewrites: tuple[Rewrite, ...]
    locals: tuple[Local, ...]


@dataclass(frozen=True)
class LocalPart:
    """The files of a judged part, and how many turns each rewrite changed."""

    turns: Path
    rows: Path
    findings: Path
    measures: Path
    rewritten: dict[str, int]


def run_local(task: LocalTask) -> LocalPart:
    """Rewrite, digest, measure and judge one part; a pure function of the part file and the stages."""
    turns, rows = pl.read_parquet(task.part.turns), pl.read_parquet(task.part.rows)
    turns = turns.sort("row_id", "turn")
    findings: list[pl.DataFrame] = []
    rewritten = {}
    for stage in task.rewrites:
        before = turns["text"]
        turns, failed = _guarded(stage.rewrite, turns, _name(stage))
        turns = (
            pl.concat([turns, failed.select(TURNS.names())]).sort("row_id", "turn")
            if failed.height
            else turns
        )
        findings.append(_raised(failed, _name(stage)))
        rewritten[_name(stage)] = int((before != turns["text"]).sum())
    turns = conform(turns, TURNS)
    digests = text_digests(rows, turns)
    rows = rows.drop("text_digest").join(digests, on="row_id", how="left", maintain_order="left")
    view = turns.join(rows.select("row_id", *SEEN), on="row_id", how="left", maintain_order="left")
    measures = []
    for local in task.locals:
        measured, failed = _guarded(local.measure, view, _name(local))
        findings.append(_raised(failed, _name(local)))
        findings += [broken(measured, rule, _name(local)) for rule in local.rules()]
        measures.append(_named(measured, _name(local)))
    turns_path, rows_path, findings_path, measures_path = (
        task.out_dir / f"{task.index:05}-{name}.parquet" for name in ("turns", "rows", "findings", "measures")
    )
    out = LocalPart(turns_path, rows_path, findings_path, measures_path, rewritten)
    turns.write_parquet(out.turns)
    conform(rows, ROWS).write_parquet(out.rows)
    pl.concat([empty(FINDINGS), *findings]).write_parquet(out.findings)
    _wide(measures).write_parquet(out.measures)
    return out


def broken(measured: pl.DataFrame, rule: Rule, stage: str) -> pl.DataFrame:
    """Return the findings (schema FINDINGS) of the rows or turns that break `rule`.

    A null measure does not apply; a NaN quarantines.
    """
    value = pl.col(rule.measure).cast(pl.Float64)
    too_low = value < rule.low if rule.low is not None else pl.lit(False)
    too_high = value > rule.high if rule.high is not None else pl.lit(False)
    verdict = (
        pl.when(value.is_nan()).then(pl.lit(Verdict.QUARANTINE.value)).otherwise(pl.lit(rule.verdict.value))
    )
    hits = measured.filter(value.is_not_null() & (value.is_nan() | too_low | too_high)).with_columns(
        verdict=verdict.cast(VERDICT),
        stage=pl.lit(stage),
        reason=pl.lit(rule.reason),
        value=value,
        threshold=pl.when(too_low)
        .then(pl.lit(rule.low, pl.Float64))
        .otherwise(pl.lit(rule.high, pl.Float64)),
    )
    return conform(hits, FINDINGS)


def _guarded(
    function: Callable[[pl.DataFrame], pl.DataFrame], turns: pl.DataFrame, stage: str
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return function(turns) and the turns of the rows on which it raises."""
    try:
        return function(turns), turns.clear()
    except Exception:
        ids = turns["row_id"].unique(maintain_order=True)
        if ids.len() == 1:
            return function(turns.clear()), turns
        half = ids.len() // 2
        halves = [turns.filter(pl.col("row_id").is_in(part.implode())) for part in (ids[:half], ids[half:])]
        (left, left_failed), (right, right_failed) = (_guarded(function, part, stage) for part in halves)
        return pl.concat([left, right]), pl.concat([left_failed, right_failed])


def _raised(failed: pl.DataFrame, stage: str) -> pl.DataFrame:
    hit = failed.select("row_id").unique(maintain_order=True)
    return conform(
        hit.with_columns(
            verdict=pl.lit(Verdict.QUARANTINE.value, VERDICT),
            stage=pl.lit(stage),
            reason=pl.lit("stage_raised"),
        ),
        FINDINGS,
    )


def _name(stage: Rewrite | Local) -> str:
    return str(stage.name)  # type: ignore[union-attr]


def _named(measured: pl.DataFrame, stage: str) -> pl.DataFrame:
    return measured.rename({c: f"{stage}.{c}" for c in measured.columns if c not in MEASURE_KEYS})


def _wide(measures: list[pl.DataFrame]) -> pl.DataFrame:
    """Join the measures into one frame: a line per row (turn null), then a line per measured turn."""
    wide: list[pl.DataFrame] = []
    for by_turn in (False, True):
        keys = ["row_id", "turn"] if by_turn else ["row_id"]
        frames = [m for m in measures if ("turn" in m.columns) is by_turn]
        if frames:
            joined = frames[0]
            for frame in frames[1:]:
                joined = joined.join(frame, on=keys, how="full", coalesce=True)
            wide.append(joined)
    if not wide:
        return empty(MEASURE_KEYS)
    keyed = [w if "turn" in w.columns else w.with_columns(turn=pl.lit(None, pl.UInt16)) for w in wide]
    stacked = pl.concat(keyed, how="diagonal").with_columns(pl.col("turn").cast(pl.UInt16))
    return stacked.select("row_id", "turn", pl.exclude("row_id", "turn")).sort("row_id", "turn")
