"""What people decided about the rows of a name: how far, how much they agree, and how precise the rules proved."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from itertools import permutations
from typing import TYPE_CHECKING, Any

from tilth.shards.errors import UsageError
from tilth.shards.judgement import DECIDING, Act, Judgement, standings
from tilth.workbench.looking.compare import wilson
from tilth.workbench.screen import shown
from tilth.workbench.session import plain_table

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.store import Store

SAMPLE = "sample:"  # the queues whose rows are drawn at random
KEEPS_AS_IS = Act.KEEP
SHOWN_ROWS = 40


def review_facts(store: Store, name: str, author: str | None = None) -> dict[str, Any]:
    """Return decisions (newest first), people, agreement, precision of rules, and disputed rows of a name.

    Raises UsageError where the store has no such name.
    """
    if name not in store.names() and name not in store.judgement_log.names():
        raise UsageError(
            f"name {name}", "is not in this store", next_step=f"known: {', '.join(store.names())}"
        )
    log = store.judgement_log.read(name)
    held = live(log.judgements)
    where = standings(log.judgements)
    return {
        "name": name,
        "decisions": [as_facts(one) for one in reversed(held) if author in (None, one.by)],
        "people": dict(Counter(one.by for one in held)),
        "agreement": agreement(log.judgements),
        "precision": precisions(log.judgements),
        "disputed": [row for row, standing in where.items() if standing.is_disputed],
        "damaged_lines": log.damaged,
    }


def as_facts(one: Judgement) -> dict[str, Any]:
    """Return a judgement as plain values, without the texts it put."""
    return {
        "id": one.id, "at": one.at, "by": one.by, "act": str(one.act), "row": one.row, "queue": one.queue,
        "said": one.said, "note": one.note, "settles": one.settles,
    }  # fmt: skip


def live(judgements: Iterable[Judgement]) -> list[Judgement]:
    """Return the deciding judgements that were not taken back, oldest first."""
    log = list(judgements)
    undone = {one.undoes for one in log if one.act is Act.UNDO}
    return [one for one in log if one.act in DECIDING and one.id not in undone]


def agreement(judgements: Iterable[Judgement]) -> dict[str, Any]:
    """Return how much reviewers agree on rows that two or more judged: rows, share, alpha (null for too few)."""
    units = [[one.outcome for one in standing.words] for standing in standings(judgements).values()]
    paired = [unit for unit in units if len(unit) > 1]
    same = sum(len(set(unit)) == 1 for unit in paired)
    return {
        "rows": len(paired),
        "share": same / len(paired) if paired else None,
        "alpha": krippendorff_alpha(paired),
    }


def krippendorff_alpha(units: Sequence[Sequence[str]]) -> float | None:
    """Return Krippendorff's alpha for nominal values (Content Analysis, 2004, ch. 11): 1 agreement, 0 chance.

    units: the values that each judged thing was given, by whoever judged it. None where no two values can be compared
    or all are the same, of which nothing can be said.
    """
    coincidences: dict[tuple[str, str], float] = defaultdict(float)
    for unit in units:
        if len(unit) > 1:
            for a, b in permutations(unit, 2):
                coincidences[a, b] += 1 / (len(unit) - 1)
    totals: Counter[str] = Counter()
    for (a, _), n in coincidences.items():
        totals[a] += n  # type: ignore[assignment]
    whole = sum(totals.values())
    expected = sum(totals[a] * totals[b] for a in totals for b in totals if a != b)
    if whole < 2 or expected == 0:
        return None
    observed = sum(n for (a, b), n in coincidences.items() if a != b)
    return 1 - (whole - 1) * observed / expected


def precisions(judgements: Iterable[Judgement]) -> dict[str, dict[str, Any]]:
    """Return, by "STAGE: REASON", how often people found a rule right on rows drawn at random.

    A rule is right where the row is not kept as it is. Each: judged, right, value, low, high (Wilson, 95 %). A row
    that several judged counts once, where they agree or it was settled.
    """
    of_row = {one.row: one for one in judgements if one.queue.startswith(SAMPLE)}
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row, standing in standings(judgements).items():
        if row in of_row and standing.final is not None:
            tally = counts[rule_of(of_row[row].queue)]
            tally[0] += 1
            tally[1] += standing.final.act is not KEEPS_AS_IS
    found = {}
    for rule, (judged, right) in sorted(counts.items()):
        low, high = wilson(right, judged)
        found[rule] = {"judged": judged, "right": right, "value": right / judged, "low": low, "high": high}
    return found


def rule_of(queue: str) -> str:
    """Return "STAGE: REASON" of the queue that samples it."""
    stage, _, reason = queue.removeprefix(SAMPLE).partition(":")
    return f"{stage}: {reason}"


def show_review(screen: Console, facts: dict[str, Any]) -> None:
    """Print who decided what, and what it says of the rules."""
    table = plain_table("decision", "when", "who", "what", "row", "why")
    for one in facts["decisions"][:SHOWN_ROWS]:
        why = " · ".join(part for part in (one["said"], one["note"]) if part)
        cells = (one["id"][:12], one["at"][:16], one["by"], one["act"], one["row"][:12], why)
        table.add_row(*(shown(cell) for cell in cells))
    if table.row_count:
        screen.print(table)
    for rule, found in facts["precision"].items():
        screen.print(
            f"{shown(rule)}: right on {found['right']} of {found['judged']} rows drawn at random, "
            f"95 % [{found['low']:.0%}, {found['high']:.0%}]"
        )
    both = facts["agreement"]
    if both["rows"]:
        alpha = "" if both["alpha"] is None else f", Krippendorff's alpha {both['alpha']:.2f}"
        screen.print(f"{both['rows']} rows were judged by two or more: {both['share']:.0%} the same{alpha}")
    if facts["disputed"]:
        screen.print(f"{len(facts['disputed'])} rows are disputed and wait to be settled in `tilth serve`")
    if facts["damaged_lines"]:
        screen.print(f"{facts['damaged_lines']} lines of the log are damaged and were left out")
    total = len(facts["decisions"])
    screen.print(f"{total:,} decisions" + (f", {SHOWN_ROWS} shown" if total > SHOWN_ROWS else ""))
