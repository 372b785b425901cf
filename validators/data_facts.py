"""Assembles what the data page says from a published version, its parent and the checks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import polars as pl

from tilth.shards import licences
from tilth.shards.diff import diff
from tilth.shards.ledger import READ_STAGE
from tilth.shards.tables import FINDINGS, Split, Verdict
from tilth.shards.version import Version
from tilth.validators.drift import LANGUAGE, drift
from tilth.validators.examples import examples
from tilth.validators.facts.data import (
    CheckLine,
    DataFacts,
    ParentDiff,
    PhaseCount,
    ReadingLine,
    ReasonCount,
    RewriteCount,
    ShiftLine,
    SourceCount,
    SourceWarning,
    SplitCount,
)
from tilth.validators.facts.page import DO_NOT_USE, NOT_ENOUGH_EVIDENCE, USE, Action, Word
from tilth.validators.gate import CheckResult
from tilth.validators.metrics import HELD_OUT, Tables, by_source, funnel, heavy_rules, measure
from tilth.validators.recipe import ReportOptions
from tilth.validators.representation import LENGTH, distributions
from tilth.validators.wording import count, percent, shorten, visible

SHOWN_SHIFTS = 12
EXAMPLE_CHARS = 160
MIN_SHIFT = 0.001
OPERATORS = {">=": "≥", "<=": "≤"}
# A paired test at 5 %, one-sided, with power 80 %, on losses whose paired difference spreads 0.3 nat.
PAIRED_SD_NAT = 0.3
Z_ALPHA_PLUS_POWER = 1.6449 + 0.8416
MIN_EVALUATION_ROWS = 30


def tables_of(version: Version) -> Tables:
    """Read the tables of a published version, with the measures that a page speaks of."""
    measures = version.measures([LANGUAGE, LENGTH])
    rows = version.rows(["row_id", "text_digest", "source", "group", "licence", "attributes"])
    return Tables(version.occurrences(), rows, version.decisions(), measures)


@dataclass(frozen=True)
class Curated:
    """What the run that made a version knows of it beside its tables.

    actions: what pushback did (`facts.page.Action`). targets: column -> value -> wanted share. phases:
    stage -> phase, in the order they act; a stage that is not named is its own phase. tags: findings (schema
    FINDINGS) of rules that only tag. rewrites: what rewrites changed (columns of `facts.data.RewriteCount`).
    held_out: the share asked for each held-out split.
    readings: how the sources were read. unfinished: file -> why not all of it was.
    """

    checks: Sequence[CheckResult]
    actions: Sequence[Mapping[str, Any]] = ()
    targets: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    held_out: Mapping[str, float] = field(default_factory=dict)
    phases: Mapping[str, str] = field(default_factory=dict)
    tags: pl.DataFrame | None = None
    rewrites: pl.DataFrame | None = None
    readings: Sequence[ReadingLine] = ()
    unfinished: Mapping[str, str] = field(default_factory=dict)
    recipe_path: str = "recipe.yaml"


def data_report(
    version: Version, parent: Version | None, curated: Curated, options: ReportOptions | None = None
) -> DataFacts:
    """Return the facts of the data page. Raises CorruptObject if the version's bytes are damaged."""
    options = options or ReportOptions()
    tables = tables_of(version)
    found = measure(tables, curated.held_out).row(0, named=True)
    splits = _splits(found, curated.held_out)
    verdict, reasons, next_step = _judgement(found, curated.checks, splits, curated.recipe_path)
    if curated.unfinished:
        verdict, reasons = DO_NOT_USE, [_unfinished_in_words(curated.unfinished), *reasons[:2]]
        next_step = f"fetch or mend what was not read whole, then: curate {curated.recipe_path}"
    taken = funnel(tables)
    return DataFacts(
        kind="data",
        verdict=verdict,
        reasons=reasons,
        next=next_step,
        name=version.manifest.name,
        version=version.short,
        content_id=version.manifest.content_id,
        conservation={
            "lines": found["rows_in"],
            **{name: found[name] for name in ("kept", "dropped", "quarantined", "unaccounted")},
        },
        funnel=_phases(taken, found["rows_in"], curated.phases),
        taken=_reasons(version, tables, taken, options.examples, found["rows_in"]),
        sources=cast(list[SourceCount], by_source(tables).drop("unaccounted").to_dicts()),
        warnings=cast(
            list[SourceWarning], heavy_rules(tables).rename({"rows": "lines"}).drop("verdict").to_dicts()
        ),
        licences=licences_of_kept(tables),
        distributions=distributions(tables, curated.targets),
        splits=splits,
        readings=[_visible(line) for line in curated.readings],
        rewritten=_rewritten(curated.rewrites, options.examples),
        tags=_tags(curated.tags),
        parent=_against(parent, version, tables),
        actions=[
            cast(Action, {key: str(action.get(key, "")) for key in Action.__annotations__})
            for action in curated.actions
        ],
        checks=[_check_line(result) for result in curated.checks],
        reverse=f"tilth rollback {version.manifest.name}" if parent else "",
    )


def detectable_nat(rows: int) -> float | None:
    """Return the smallest mean loss change that `rows` paired rows show with power 80 %; None without rows.

    222 rows show .05 nat, 1,389 show .02 (normal approximation, paired sd .3 nat).
    """
    return round(Z_ALPHA_PLUS_POWER * PAIRED_SD_NAT / math.sqrt(rows), 4) if rows else None


def _judgement(
    found: Mapping[str, Any],
    checks: Sequence[CheckResult],
    splits: Sequence[SplitCount],
    recipe_path: str,
) -> tuple[Word, list[str], str]:
    """Return the word, three reasons with numbers, and the next command.

    A small version has no promotion rows: they are merged with feedback, which then is what judges a model.
    """
    held_out = {s["split"]: s for s in splits}
    merged = not held_out[Split.PROMOTION.value]["rows"]
    judges = held_out[Split.FEEDBACK.value if merged else Split.PROMOTION.value]
    named = "feedback rows (too few for a promotion split)" if merged else "promotion rows"
    shows = judges["detects_nat"]
    lost = found["unaccounted"]
    reasons = [
        _checks_in_words(checks),
        f"{count(found['rows_in'])} lines in, {count(found['kept'])} kept ({percent(found['keep_rate'])}); "
        + (f"{count(lost)} unaccounted for." if lost else "every line is accounted for."),
        f"{count(judges['rows'])} {named} "
        + (f"can show a loss change of {shows:.3f} nat." if shows else "to judge a tuned model on."),
    ]
    if broken := [c for c in checks if c.blocks]:
        if broken[0].name == "max_split_miss":
            return DO_NOT_USE, [_held_out_in_words(splits), *reasons[:2]], _other_groups(recipe_path)
        return DO_NOT_USE, reasons, f"curate {recipe_path}"
    if judges["rows"] < MIN_EVALUATION_ROWS or not found["rows_train"]:
        return NOT_ENOUGH_EVIDENCE, reasons, _more_evidence(recipe_path, merged, bool(found["rows_train"]))
    return USE, reasons, f"train {recipe_path}"


def _more_evidence(recipe_path: str, merged: bool, trainable: bool) -> str:
    """Return what gives more rows to judge by: a larger share of a large version, else more rows."""
    if trainable and not merged:
        return (
            f"write curation: {{split: {{promotion: 0.05}}}} into {recipe_path}, then: curate {recipe_path}"
        )
    as_it_is = f"; as it is: train {recipe_path}" if trainable else ""
    return f"add rows to its sources, then: curate {recipe_path}{as_it_is}"


def _held_out_in_words(splits: Sequence[SplitCount]) -> str:
    held_out = [s for s in splits if s["split"] in {split.value for split in HELD_OUT}]
    asked, got = sum(s["asked"] or 0.0 for s in held_out), sum(s["share"] for s in held_out)
    return (
        f"{percent(got)} of the rows are held out and {percent(asked)} were asked for: rows of one group, or of "
        "one first prompt, stay together."
    )


def _other_groups(recipe_path: str) -> str:
    """Return what helps where too many rows stay together."""
    return (
        "name a column that parts the rows (sources: [{group: COLUMN}]), or fit the splits to these rows anew "
        f"(curation: {{split: {{family: 1}}}}) in {recipe_path}, then: curate {recipe_path}"
    )


def _unfinished_in_words(unfinished: Mapping[str, str]) -> str:
    path, why = min(unfinished.items())
    more = f" and {count(len(unfinished) - 1)} more" if len(unfinished) > 1 else ""
    return f"Not all rows were read: {shorten(visible(path), EXAMPLE_CHARS)} is {why}{more}."


def _checks_in_words(checks: Sequence[CheckResult]) -> str:
    broken, passed = [c for c in checks if c.blocks], sum(c.passed for c in checks)
    if broken:
        first = broken[0]
        value = "missing" if first.value is None else f"{first.value:g}"
        wanted = f"wanted {first.operator} {first.bound:g}"
        return f"{len(broken)} of {len(checks)} checks failed; {first.name} is {value}, {wanted}."
    warned = len(checks) - passed
    return f"{passed} of {len(checks)} checks passed" + (f", {warned} warned." if warned else ".")


def _splits(found: Mapping[str, Any], asked: Mapping[str, float]) -> list[SplitCount]:
    """Return a line a split; promotion rows that are feedback while there are few are asked for there."""
    shares: dict[str, float | None] = {split.value: asked.get(split.value) for split in HELD_OUT}
    promotion, feedback = Split.PROMOTION.value, Split.FEEDBACK.value
    if asked and not found[f"rows_{promotion}"]:
        shares |= {feedback: asked.get(feedback, 0.0) + asked.get(promotion, 0.0), promotion: None}
    lines = []
    for split in Split:
        rows = found[f"rows_{split.value}"]
        shows = detectable_nat(rows) if split in HELD_OUT else None
        lines.append(
            SplitCount(
                split=split.value,
                rows=rows,
                share=rows / max(1, found["kept"]),
                asked=shares.get(split.value),
                detects_nat=shows,
            )
        )
    return lines


def _phases(taken: pl.DataFrame, lines: int, phases: Mapping[str, str]) -> list[PhaseCount]:
    """Return the funnel: reading first, then the phases in their order, then stages nobody ordered."""
    order = list(dict.fromkeys([READ_STAGE, *phases.values()]))
    by_phase: dict[str, dict[str, int]] = {name: {} for name in order}
    for line in taken.sort("stage").to_dicts():
        phase = by_phase.setdefault(phases.get(line["stage"], line["stage"]), {})
        phase[line["verdict"]] = phase.get(line["verdict"], 0) + line["rows"]
    counts = []
    for name, verdicts in by_phase.items():
        dropped, held = verdicts.get(Verdict.DROP.value, 0), verdicts.get(Verdict.QUARANTINE.value, 0)
        lines -= sum(verdicts.values())
        counts.append(PhaseCount(phase=name, dropped=dropped, quarantined=held, rows_left=lines))
    return counts


def _reasons(
    version: Version, tables: Tables, taken: pl.DataFrame, most: int, lines: int
) -> list[ReasonCount]:
    shown = examples(version, tables.taken, most)
    return [
        ReasonCount(
            verdict=line["verdict"] or "unaccounted",
            stage=line["stage"] or "",
            reason=line["reason"] or "",
            lines=line["rows"],
            share=line["rows"] / lines,
            examples=shown.get((line["verdict"], line["stage"], line["reason"]), []),
        )
        for line in taken.to_dicts()
    ]


def _visible(line: ReadingLine) -> ReadingLine:
    """Return a line as people may see it: names of columns come from the data."""

    def shown(text: str) -> str:
        return shorten(visible(text), EXAMPLE_CHARS)

    return {
        **line,
        "reading": shown(line["reading"]),
        "others": [shown(text) for text in line["others"]],
        "unread": [{**counted, "what": shown(counted["what"])} for counted in line["unread"]],
        "notes": [{**counted, "what": shown(counted["what"])} for counted in line["notes"]],
    }


def _rewritten(rewrites: pl.DataFrame | None, most_examples: int) -> list[RewriteCount]:
    """Return the lines by kind, with examples if any are to be shown."""
    if rewrites is None:
        return []
    lines = cast(list[RewriteCount], rewrites.filter(pl.col("kind") != "any").to_dicts())
    for line in lines:
        shown = line["examples"] if most_examples else []
        line["examples"] = [shorten(visible(text), EXAMPLE_CHARS) for text in shown]
    return lines


def _tags(tags: pl.DataFrame | None) -> Any:
    if tags is None:
        return []
    counted = tags.select(FINDINGS.names()).group_by("stage", "reason").agg(rows=pl.col("row_id").n_unique())
    return counted.sort("rows", "stage", "reason", descending=[True, False, False]).to_dicts()


def licences_of_kept(tables: Tables) -> list[str]:
    """Return the notes on the licences of the kept rows."""
    kept = tables.rows.select("licence").filter(tables.decisions["verdict"] == Verdict.KEEP.value)
    return licences.notes(kept.group_by("licence").len().iter_rows())


def _against(parent: Version | None, version: Version, tables: Tables) -> ParentDiff | None:
    if parent is None:
        return None
    moved = drift(tables_of(parent), tables)
    shifts = [
        {"by": m["by"], **value}
        for m in moved
        for value in m["values"]
        if abs(value["child"] - value["parent"]) >= MIN_SHIFT
    ]
    shifts.sort(key=lambda s: (-abs(s["child"] - s["parent"]), s["by"], s["value"]))
    changes = diff(parent, version).group_by("change").len().sort("change")
    return ParentDiff(
        parent=parent.short,
        counts={str(change): rows for change, rows in changes.iter_rows()},
        divergence_bits={m["by"]: m["divergence_bits"] for m in moved},
        shifts=cast(list[ShiftLine], shifts[:SHOWN_SHIFTS]),
    )


def _check_line(result: CheckResult) -> CheckLine:
    return CheckLine(
        name=result.name,
        severity=result.severity,
        passed=result.passed,
        value=result.value,
        bound=f"{OPERATORS[result.operator]} {result.bound:g}",
        note=result.note,
    )
