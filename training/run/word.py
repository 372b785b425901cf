"""The word of a run: USE only where a task surely got better and nothing surely worse, and why.

A lower loss is no proof that the answers got better, so it never earns USE; a higher one can refuse it. All tests of
one run share one chance of error on each side (Holm), so that many tasks and slices do not find something by luck.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from tilth.training.evaluation.intervals import MIN_TO_DECIDE, holm
from tilth.training.evaluation.metric import ADD_A_TASK
from tilth.validators.facts.page import DO_NOT_USE, NOT_ENOUGH_EVIDENCE, USE, Word
from tilth.validators.facts.run import MonitorResult, Retention, SliceResult, TaskResult

SHOWN_TASKS = 3
FORGETTING = "forgetting"


class Cause(StrEnum):
    """What the word rests on, or what it lacks; the next step follows from it."""

    NOT_FINITE = "not finite"
    FORGOT = "forgot"
    TASK_WORSE = "task worse"
    LOSS_WORSE = "loss worse"
    BETTER = "better"
    NO_TASK = "no task"
    FEW = "too few questions"
    BLIND = "blind task"
    EMPTY = "empty references"
    TOLD = "trained on"
    NOT_SURE = "not sure"
    NOTHING = "equal to the base"


@dataclass(frozen=True)
class Evidence:
    """What a run measured. loss: over all held-out rows, in `unit`. watched: whether monitors looked on."""

    loss: SliceResult | None
    slices: Sequence[SliceResult] = ()
    tasks: Sequence[TaskResult] = ()
    kept: Retention | None = None
    monitors: Sequence[MonitorResult] = ()
    max_forgotten: float | None = None
    watched: bool = True
    unit: str = "nat/token"

    @property
    def written(self) -> list[TaskResult]:
        """The tasks for which answers were written: they alone can earn USE."""
        return [task for task in self.tasks if task.get("written", True)]


@dataclass(frozen=True)
class Weighed:
    """The word, its reasons (the first decides), and the causes behind it, the first decides as well."""

    word: Word
    reasons: list[str]
    causes: list[Cause] = field(default_factory=list)


def weigh(evidence: Evidence) -> Weighed:
    """Return the word of a run and its reasons."""
    worse_tasks, worse_losses = _worse(evidence)
    better = _better(evidence.written)
    against = [
        *_not_finite(evidence),
        *_forgot(evidence),
        *((Cause.TASK_WORSE, text) for text in worse_tasks),
        *((Cause.LOSS_WORSE, text) for text in worse_losses),
    ]
    doubt = _doubt(evidence)
    word: Word = DO_NOT_USE if against else USE if better and not doubt else NOT_ENOUGH_EVIDENCE
    found = _forgetting_found(evidence) if word == USE else []
    gains = [(Cause.BETTER, _task_line(task)) for task in evidence.written if task["name"] in better]
    rest = [] if word == USE else _lacks(evidence, better)
    said = [*against, *doubt, *found, *(gains if word == USE else [*rest, *gains])]
    reasons = list(dict.fromkeys(text for _, text in said))
    reasons += [line for line in _standing(evidence, better) if line not in reasons]
    return Weighed(word, reasons, list(dict.fromkeys(cause for cause, _ in said)))


def _better(tasks: Sequence[TaskResult]) -> set[str]:
    """Return the tasks that surely got better, all of them together."""
    able = [t for t in tasks if t.get("distinct", t["items"]) >= MIN_TO_DECIDE and not t.get("empty")]
    return holm({t["name"]: t.get("p_better", 1.0) for t in able})


def _worse(evidence: Evidence) -> tuple[list[str], list[str]]:
    """Return a line for each task or slice of one, and for each loss, that surely got worse, all of them together."""
    of_tasks: dict[str, float] = {}
    of_losses: dict[str, float] = {}
    for task in evidence.tasks:
        if task.get("distinct", task["items"]) >= MIN_TO_DECIDE:
            of_tasks[_task_line(task)] = task.get("p_worse", 1.0)
        for part in task.get("slices", []):
            if part["distinct"] >= MIN_TO_DECIDE:
                of_tasks[_slice_line(task, part)] = part["p_worse"]
    for loss in [*([evidence.loss] if evidence.loss else []), *evidence.slices]:
        if loss["rows"] >= MIN_TO_DECIDE:
            of_losses[f"{_loss_line(loss, evidence.unit)}, worse than the base"] = loss.get("p_worse", 1.0)
    refused = holm(of_tasks | of_losses)
    return [line for line in of_tasks if line in refused], [line for line in of_losses if line in refused]


def _not_finite(evidence: Evidence) -> list[tuple[Cause, str]]:
    measured: dict[str, Any] = {f"loss of {s['slice']}": s["tuned"]["value"] for s in evidence.slices}
    if evidence.loss:
        measured["loss on held-out rows"] = evidence.loss["tuned"]["value"]
    if evidence.kept:
        measured["loss on base knowledge"] = evidence.kept["tuned"]
    broken = [name for name, value in measured.items() if value is None or not math.isfinite(value)]
    return [(Cause.NOT_FINITE, f"{broken[0]} is no finite number: the weights are broken")] if broken else []


def _forgot(evidence: Evidence) -> list[tuple[Cause, str]]:
    """Return that surely more was forgotten than the recipe allows."""
    kept, bound = evidence.kept, evidence.max_forgotten
    low = kept["change"]["low"] if kept else None
    if kept is None or low is None or bound is None or low <= bound:
        return []
    return [
        (
            Cause.FORGOT,
            f"forgot too much: {_kept_line(kept)}, {bound:g} is allowed (training.retention.max_forgotten)",
        )
    ]


def _doubt(evidence: Evidence) -> list[tuple[Cause, str]]:
    """Return what stands in the way of USE without refusing it: perhaps more forgotten than the recipe allows."""
    kept, bound = evidence.kept, evidence.max_forgotten
    if _forgot(evidence) or kept is None or bound is None or not kept["change"]["value"] > bound:
        return []
    text = f"may have forgotten too much: {_kept_line(kept)}, {bound:g} is allowed (training.retention.max_forgotten)"
    return [(Cause.FORGOT, text)]


def _forgetting_found(evidence: Evidence) -> list[tuple[Cause, str]]:
    """Return what was forgotten beyond the bound of the monitor, which the recipe allows and a reader must know."""
    fired = [m for m in evidence.monitors if m["triggered"] and m["finding"] == FORGETTING]
    if not fired:
        return []
    what = _kept_line(evidence.kept) if evidence.kept else fired[0]["evidence"]
    allowed = (
        "nothing bounds it" if evidence.max_forgotten is None else f"{evidence.max_forgotten:g} is allowed"
    )
    text = f"forgot some of what the base knew: {what}, beyond the monitor's {fired[0]['bound']:g}; {allowed}"
    return [(Cause.FORGOT, text)]


def _lacks(evidence: Evidence, better: set[str]) -> list[tuple[Cause, str]]:
    """Return what kept the run from USE, and what to add."""
    if not evidence.written:
        text = f"no task judges the answers, and a lower loss alone proves none better; add to the recipe: {ADD_A_TASK}"
        return [(Cause.NO_TASK, text)]
    lacks = [caution for task in evidence.written for caution in _cautions(task)]
    if _is_equal(evidence):
        lacks.insert(
            0, (Cause.NOTHING, "scores and losses are those of the base: nothing was learned that shows")
        )
    if not lacks and not better:
        tests = len(evidence.written)
        alone = [t["name"] for t in evidence.written if (t["change"]["low"] or 0) > 0]
        text = "no task surely got better"
        if alone:
            text = f"{', '.join(alone)} would be sure alone, and is not among {tests} tasks tested together (Holm)"
        lacks.append((Cause.NOT_SURE, text))
    return lacks


def _cautions(task: TaskResult) -> list[tuple[Cause, str]]:
    """Return what lessens the worth of a task, each in a sentence."""
    name, items = task["name"], task["items"]
    distinct, told, empty = task.get("distinct", items), task.get("told", 0), task.get("empty", 0)
    found: list[tuple[Cause, str]] = []
    if distinct < MIN_TO_DECIDE:
        unseen = " that no train row holds" if told else ""
        what = f"{distinct} different questions{unseen}, fewer than the {MIN_TO_DECIDE} that can decide"
        found.append((Cause.FEW, f"{name} has {what}"))
    ends = {task["base"]["value"], task["tuned"]["value"]}
    if ends == {0.0}:
        look = "look at its metric, its references and max_new_tokens"
        found.append((Cause.BLIND, f"{name} stands at 0 before and after: it tells nothing apart; {look}"))
    if ends == {1.0}:
        found.append(
            (Cause.BLIND, f"{name} is answered in full before and after: it leaves no room for a gain")
        )
    if empty:
        earns = "the task earns nothing until they are filled"
        found.append((Cause.EMPTY, f"{empty} of {items} references of {name} are empty: {earns}"))
    if told:
        text = f"{told} of {items} questions of {name} stand in train rows, or nearly, and decide nothing"
        others = task.get("unseen")
        rest = f"; without them {signed(others)}" if others and distinct else ""
        found.append((Cause.TOLD, text + rest))
    return found


def _is_equal(evidence: Evidence) -> bool:
    changes = [t["change"] for t in evidence.tasks] + ([evidence.loss["change"]] if evidence.loss else [])
    same = all(t["base"] == t["tuned"] for t in evidence.tasks)
    return same and all(c["value"] == 0 for c in changes) and bool(changes)


def _standing(evidence: Evidence, better: set[str]) -> list[str]:
    """Return what stands in every case: tasks, loss, cautions, what the base knew and what the monitors found."""
    others = sorted(evidence.tasks, key=lambda t: t["name"] not in better)
    lines = [_task_line(task) for task in others[:SHOWN_TASKS]]
    if len(others) > SHOWN_TASKS:
        lines.append(f"{len(others) - SHOWN_TASKS} more tasks are in the table")
    nothing = "no promotion rows to measure a loss on"
    lines.append(_loss_line(evidence.loss, evidence.unit) if evidence.loss else nothing)
    lines += [text for task in evidence.written for _, text in _cautions(task)]
    if not evidence.watched:
        return [*lines, "the monitors were off, as in every arm of a comparison"]
    return [*lines, _monitors_line(evidence)]


def _monitors_line(evidence: Evidence) -> str:
    fired = [m for m in evidence.monitors if m["triggered"]]
    what = ", ".join(sorted({f"{m['finding']} ({m['slice'] or 'whole run'})" for m in fired}))
    counted = f"{len(fired)} finding{'s' if len(fired) != 1 else ''}: {what}"
    found = counted if fired else "0 findings: no monitor spoke up"
    if evidence.kept is None:
        return f"{found}; what the base knew was not measured (training.base_knowledge)"
    return f"{_kept_line(evidence.kept)}; {found}"


def _task_line(task: TaskResult) -> str:
    what = "questions" if task.get("written", True) else "pairs"
    return (
        f"{task['metric']} of {task['name']}, {task['items']:,} {what}: {task['base']['value']:.3f} to "
        f"{task['tuned']['value']:.3f} ({signed(task['change'])}){_beyond_examples(task)}"
    )


def _slice_line(task: TaskResult, part: Mapping[str, Any]) -> str:
    return (
        f"{task['metric']} of {task['name']} in slice {part['slice'] or '(none)'}, {part['items']:,} questions: "
        f"{part['base']['value']:.3f} to {part['tuned']['value']:.3f} ({signed(part['change'])})"
    )


def _loss_line(loss: SliceResult, unit: str) -> str:
    of = f" of slice {loss['slice']}" if loss["slice"] else ""
    few = "" if loss["rows"] >= MIN_TO_DECIDE else f", fewer than the {MIN_TO_DECIDE} that can decide"
    return f"loss on {loss['rows']:,} promotion rows{of}{few}: {signed(loss['change'], unit)}"


def _kept_line(kept: Retention) -> str:
    return f"loss on base knowledge {signed(kept['change'], 'nat/token')}"


def _beyond_examples(task: TaskResult) -> str:
    """Return in words what prompting the base with examples reaches, or "" if it was not asked so."""
    few = task.get("few_shot")
    if few is None or few["score"] is None or few["change"] is None:
        return ""
    beyond, low = few["change"], few["change"]["low"]
    shown = (
        "" if low is not None and low > 0 else ", which does not show that tuning gives more than examples do"
    )
    return (
        f"; the base with examples {few['score']['value']:.3f}, tuning is {signed(beyond)} beyond it{shown}"
    )


def signed(change: Mapping[str, Any], unit: str = "") -> str:
    """Return a change with its sign, its unit and its interval."""
    text = f"{change['value']:+.3f}{' ' + unit if unit else ''}"
    if change["low"] is None or change["high"] is None:
        return text
    return f"{text}, 95 % [{change['low']:+.3f}, {change['high']:+.3f}]"
