"""The row-local part of a run: rewrite, digest and measure rows, and judge what was measured of them.

A stage that raises takes no batch with it: the batch is halved until the row is found, and that row alone is
quarantined, with a measure `stage.raised` to remember it by. A stage that raises on too many rows stops the run.
Rules do not judge turns that nobody learns: what they measure there is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tilth.curation.feedback.review import Repairs
from tilth.curation.reading.stated_licence import with_stated_licence
from tilth.curation.rules.response import only_read
from tilth.curation.run.guard import Guard
from tilth.curation.run.kept.distinct import JUDGED_BY, set_apart
from tilth.curation.run.kept.segments import TABLES, Segment
from tilth.curation.run.kept.shuffle import Range
from tilth.curation.run.rewriting import Rewriting
from tilth.curation.stage import ROW_TEXTS, Local, Phase, Rewrite, Rule
from tilth.shards import arrow_file
from tilth.shards.digest import text_digests
from tilth.shards.retractions import IDS
from tilth.shards.tables import FINDINGS, MEASURE_KEYS, ROWS, VERDICT, Verdict, conform, empty

# What a stage sees of a row beside its turns.
SEEN = ("shape", "tools", "source", "licence", "attributes", "text_digest")
RAISED = Rule("raised", "stage_raised", high=0, verdict=Verdict.QUARANTINE)
_GROUP_LINES = 2_000


@dataclass(frozen=True)
class LocalTask:
    """Some rows and the stages they go through; written files lie in `out_dir`.

    max_raised: on how many rows a stage may raise before the run stops. withheld: ids of rows whose text goes no
    further than this: they were retracted.
    """

    rows: Range
    index: int
    out_dir: Path
    rewrites: tuple[Rewrite, ...]
    locals: tuple[Local, ...]
    max_raised: int = 100
    withheld: pl.Series = field(default_factory=lambda: IDS.to_frame()["row_id"])


def run_local(task: LocalTask) -> Segment:
    """Rewrite, digest and measure the rows of a range; a pure function of its files and the stages.

    Rows on which a stage raised are not among those `entered`, so that the next run tries them again.
    Raises TilthError naming a stage that raises on more than `max_raised` rows.
    """
    entered = arrow_file.read(task.rows.rows).sort("row_id")
    rows, turns = with_stated_licence(entered), arrow_file.read(task.rows.turns)
    turns, rows = _without_texts(turns, rows, task.withheld)
    turns = turns.sort("row_id", "turn")
    failures: dict[str, pl.DataFrame] = {}
    rewriting = Rewriting(rows, turns)
    for stage in task.rewrites:
        guard = Guard(_name(stage), stage.rewrite, task.max_raised)
        failures[_name(stage)] = rewriting.apply(stage, guard)
    rows, turns = rewriting.rows(), rewriting.turns()
    digests = text_digests(rows, turns)
    rows = rows.drop("text_digest").join(digests, on="row_id", how="left", maintain_order="left")
    view = turns.join(rows.select("row_id", *SEEN), on="row_id", how="left", maintain_order="left")
    measured: dict[str, pl.DataFrame] = {}
    unjudged = only_read(view)
    for local in task.locals:
        seen = rewriting.with_changes(_name(local), view)
        found, failed = Guard(_name(local), local.measure, task.max_raised).apply(seen)
        if local.phase is Phase.RULES and local.unit == "turn" and unjudged.height:
            found = found.join(unjudged, on=["row_id", "turn"], how="anti")
        measured[_name(local)] = found.sort(_keys(found))
        before = failures.get(_name(local), failed.clear())
        failures[_name(local)] = pl.concat([before, failed], how="diagonal")
    raising = {name: _raised(failed) for name, failed in failures.items() if failed.height}
    wide = _wide([_named(frame, name) for some in (measured, raising) for name, frame in some.items()])
    failing = pl.concat([entered.select("row_id").clear(), *(f.select("row_id") for f in raising.values())])
    tables = {
        "turns": turns,
        "rows": conform(rows, ROWS).sort("row_id"),
        "measures": wide,
        "rewrites": rewriting.changes(),
        "entered": set_apart(entered, task.withheld, edits_of(task.rewrites))
        .join(failing, on="row_id", how="anti", maintain_order="left")
        .select(JUDGED_BY),
    }
    paths = {name: task.out_dir / f"{task.index:05}-{name}.parquet" for name in TABLES}
    for name, path in paths.items():
        tables[name].write_parquet(path, compression="lz4", row_group_size=_GROUP_LINES)
    return Segment(paths, {name: frame.height for name, frame in raising.items()})


def edits_of(rewrites: Sequence[Rewrite]) -> dict[bytes, object]:
    """Return, by row id, what reviewers wrote in place of its texts."""
    return {
        row: edit for stage in rewrites if isinstance(stage, Repairs) for row, edit in stage.edits.items()
    }


def findings_of(
    measures: pl.LazyFrame, rewrites: Sequence[Rewrite], local: Sequence[Local]
) -> Iterator[pl.DataFrame]:
    """Yield the findings (schema FINDINGS) of wide measures, in the order of the stages and their rules."""
    held = set(measures.collect_schema())
    names = {stage.name for stage in local}
    judged: list[tuple[str, Rule, bool]] = []
    for stage in [*(r for r in rewrites if r.name not in names), *local]:
        judged.append((stage.name, RAISED, False))
        if isinstance(stage, Local):
            judged += [(stage.name, rule, stage.unit == "turn") for rule in stage.rules()]
    judged = [each for each in judged if f"{each[0]}.{each[1].measure}" in held]
    columns = list(dict.fromkeys(f"{name}.{rule.measure}" for name, rule, _ in judged))
    lines = measures.select(*MEASURE_KEYS, *columns).collect()
    of_turns = lines["turn"].is_not_null()
    by_turn, by_row = lines.filter(of_turns), lines.filter(~of_turns).drop("turn")
    for name, rule, is_of_turns in judged:
        some = by_turn if is_of_turns else by_row
        yield broken(some.rename({f"{name}.{rule.measure}": rule.measure}), rule, name)


def _without_texts(
    turns: pl.DataFrame, rows: pl.DataFrame, withheld: pl.Series
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return turns and rows without any text of the rows that are withheld, which keep their line."""
    if not withheld.len():
        return turns, rows
    is_withheld = pl.col("row_id").is_in(withheld.implode())
    texts = [pl.when(~is_withheld).then(pl.col(name)).alias(name) for name in ROW_TEXTS]
    return turns.filter(~is_withheld), rows.with_columns(texts)


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


def _raised(failed: pl.DataFrame) -> pl.DataFrame:
    return failed.select("row_id").unique(maintain_order=True).with_columns(raised=pl.lit(1.0))


def _keys(measured: pl.DataFrame) -> list[str]:
    return [name for name in MEASURE_KEYS if name in measured.columns]


def _name(stage: Rewrite | Local) -> str:
    return stage.name


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
                if frame.height == joined.height and frame.select(keys).equals(joined.select(keys)):
                    joined = joined.hstack(frame.drop(keys))
                else:
                    joined = joined.join(frame, on=keys, how="full", coalesce=True)
            wide.append(joined)
    if not wide:
        return empty(MEASURE_KEYS)
    keyed = [w if "turn" in w.columns else w.with_columns(turn=pl.lit(None, pl.UInt16)) for w in wide]
    stacked = pl.concat(keyed, how="diagonal").with_columns(pl.col("turn").cast(pl.UInt16))
    return stacked.select("row_id", "turn", pl.exclude("row_id", "turn")).sort("row_id", "turn")
