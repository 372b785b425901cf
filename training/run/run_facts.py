"""The facts of a finished run, as the run page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from tilth.shards.feedback import Finding
from tilth.training.evaluation import intervals
from tilth.training.evaluation.evaluate import LoadedTask, TaskScores
from tilth.training.evaluation.judge import Judgement, change_in_loss, fact, slice_results, task_results
from tilth.training.run.learning import Learning
from tilth.validators.facts.page import Action, Word
from tilth.validators.facts.run import (
    Curve,
    MonitorResult,
    Retention,
    RunFacts,
    RunHead,
    Sample,
    TaskResult,
)

MIN_MOVED_SHARE = 0.01  # a smaller change of the mixture is no action
SAMPLES_PER_TASK = 8


@dataclass(frozen=True)
class Measured:
    """What was measured of the untuned and the tuned model.

    note: where the rows of base knowledge are from. examples: answers shown per task.
    """

    base: Judgement
    tuned: Judgement
    tasks: list[LoadedTask]
    groups: Mapping[bytes, str] | None = None
    note: str = ""
    examples: int = SAMPLES_PER_TASK


def run_facts(head: RunHead, learning: Learning, measured: Measured) -> RunFacts:
    """Return the facts of the run page: what it was, what it measured, and what its monitors say."""
    base, tuned, groups = measured.base, measured.tuned, measured.groups
    slices = slice_results(base, tuned, groups)
    tasks = task_results(base, tuned)
    loss = change_in_loss(base, tuned, groups) if tuned.losses.height else None
    kept = retention(learning, measured.note)
    monitors, bound = monitor_results(learning), learning.recipe.retention.max_forgotten
    word, reasons = verdict(loss, tasks, kept, monitors, tuned.losses.height, bound, learning.method.unit)
    return {
        **head,
        "verdict": word,
        "reasons": reasons,
        "slices": slices,
        "tasks": tasks,
        "curves": curves(learning),
        "monitors": monitors,
        "retention": kept,
        "samples": samples(measured.tasks, base.tasks, tuned.tasks, measured.examples),
        "actions": actions(learning, head["stopped_early"], head["steps"]),
    }


def verdict(
    loss: intervals.Interval | None,
    tasks: list[TaskResult],
    kept: Retention | None,
    monitors: list[MonitorResult],
    rows: int,
    max_forgotten: float | None,
    unit: str = "nat/token",
) -> tuple[Word, list[str]]:
    """Return the word and three reasons: tasks decide where there are any, otherwise the loss.

    unit: of the loss. A model that surely forgot more than `max_forgotten` is not to be used; what was memorised is
    said, and left to the reader to weigh.
    """
    forgot = _forgot(kept, max_forgotten)
    better = [t["name"] for t in tasks if (t["change"]["low"] or 0) > 0]
    worse = [t["name"] for t in tasks if (t["change"]["high"] or 0) < 0]
    improved = bool(better) if tasks else loss is not None and loss.high < 0
    word: Word = "NOT ENOUGH EVIDENCE"
    if worse or forgot or (loss is not None and loss.low > 0):
        word = "DO NOT USE"
    elif improved:
        word = "USE"
    reasons = ["no promotion rows to measure a loss on"]
    if loss is not None:
        reasons = [f"loss on {rows:,} promotion rows: {_signed(fact(loss), unit)}"]
    if tasks:
        shown = sorted(tasks, key=lambda t: (t["name"] not in worse, t["name"] not in better))[0]
        reasons.append(
            f"{shown['metric']} of {shown['name']}, {shown['items']} questions: "
            f"{shown['base']['value']:.3f} to {shown['tuned']['value']:.3f} ({_signed(shown['change'], '')})"
            f"{_beyond_examples(shown)}"
        )
    else:
        reasons.append("judged on loss only: the recipe names no evaluation task")
    reasons.append(forgot or _third_reason(kept, monitors))
    return word, reasons


def _beyond_examples(task: TaskResult) -> str:
    """Return in words what prompting the base with examples reaches, or "" if it was not asked so."""
    few = task.get("few_shot")
    if few is None or few["score"] is None or few["change"] is None:
        return ""
    return f"; the base with examples {few['score']['value']:.3f}, tuning is {_signed(few['change'], '')} beyond it"


def _forgot(kept: Retention | None, max_forgotten: float | None) -> str:
    """Return in words that too much was forgotten, or "" if that is not shown."""
    low = kept["change"]["low"] if kept else None
    if kept is None or low is None or max_forgotten is None or low <= max_forgotten:
        return ""
    return (
        f"forgot too much: loss on base knowledge {_signed(kept['change'], 'nat/token')}, {max_forgotten:g} is "
        "allowed (training.retention.max_forgotten); try retention.interpolate, more replay, a lower rate"
    )


def _third_reason(kept: Retention | None, monitors: list[MonitorResult]) -> str:
    fired = [m for m in monitors if m["triggered"] and m["finding"] != Finding.FORGETTING.value]
    what = ", ".join(sorted({f"{m['finding']} ({m['slice'] or 'whole run'})" for m in fired}))
    found = f"{len(fired)} findings: {what}" if fired else "no monitor found overfitting"
    if kept is None:
        return f"{found}; what the base knew was not measured (training.base_knowledge)"
    return f"loss on base knowledge {_signed(kept['change'], 'nat/token')}; {found}"


def _signed(change: Mapping[str, Any], unit: str) -> str:
    text = f"{change['value']:+.3f}{' ' + unit if unit else ''}"
    return text if change["low"] is None else f"{text}, 95 % [{change['low']:+.3f}, {change['high']:+.3f}]"


def curves(learning: Learning) -> list[Curve]:
    """Return the losses of each slice over the evaluations; none where nothing was evaluated."""
    drawn = []
    for name in learning.slices:
        lines = [line for line in learning.slice_lines if line["slice"] == name]
        if not lines:
            continue
        drawn.append(
            Curve(
                slice=name,
                step=[line["step"] for line in lines],
                probe=[line["loss_probe"] for line in lines],
                twin=[line["loss_twin"] for line in lines],
                feedback=[line["loss_feedback"] for line in lines],
            )
        )
    return drawn


def monitor_results(learning: Learning) -> list[MonitorResult]:
    """Return what each monitor last said of each slice, or said when it last fired."""
    return [
        MonitorResult(
            monitor=signal["monitor"].replace("_", " "),
            slice=signal["slice"] or "",
            finding=signal["finding"],
            triggered=signal["fired"],
            value=signal["value"],
            bound=signal["threshold"],
            step=signal["step"],
            evidence=signal["evidence"],
            proposes=signal.get("proposes", ""),
        )
        for _, signal in sorted(learning.last_signals.items())
    ]


def retention(learning: Learning, note: str) -> Retention | None:
    """Return the loss on base knowledge before the run and under its final weights, row by row."""
    track, after = learning.tracks["base"], learning.kept
    if after is None:
        return None
    before = track.history[0]
    interval = intervals.paired_bootstrap(
        (after - before)[None], before * 0 + 1, clusters=track.panel.cluster_of
    )
    return Retention(
        rows=len(before),
        base=round(float(before.mean()), 6),
        tuned=round(float(after.mean()), 6),
        change=fact(interval),
        note=note,
    )


def samples(
    loaded: list[LoadedTask], base: list[TaskScores], tuned: list[TaskScores], count: int
) -> list[Sample]:
    """Return questions answered by both models: what was gained, lost and still wrong, in turn."""
    shown = []
    for task, before, after in zip(loaded, base, tuned):
        gain = after.scores - before.scores
        kinds = [
            [i for i in range(len(gain)) if gain[i] > 0],
            [i for i in range(len(gain)) if gain[i] < 0],
            [i for i in range(len(gain)) if gain[i] == 0 and after.scores[i] < 1],
            [i for i in range(len(gain)) if gain[i] == 0 and after.scores[i] == 1],
        ]
        in_turn = [i for row in zip_longest(*kinds) for i in row if i is not None][:count]
        shown += [
            Sample(
                task=task.name,
                prompt=task.questions[i].item.messages[-1]["content"],
                expected=task.questions[i].item.reference,
                base=before.answers[i],
                tuned=after.answers[i],
                base_score=float(before.scores[i]),
                tuned_score=float(after.scores[i]),
            )
            for i in in_turn
        ]
    return shown


def actions(learning: Learning, stopped_early: bool, steps: int) -> list[Action]:
    """Return what the run changed by itself, each with the setting that prevents it."""
    made = [
        Action(
            action=f"mixture {q:.3f} to {p:.3f} of the tokens",
            target=f"slice {name}",
            evidence="worth of repetition, progress and findings at each evaluation (metrics.jsonl)",
            reverse="training.mixture: false",
        )
        for name, q, p in zip(learning.slices, learning.curated, learning.p)
        if abs(p - q) >= MIN_MOVED_SHARE
    ]
    if stopped_early:
        made.append(
            Action(
                action=f"stopped after {steps} of {learning.total_steps} steps",
                target="the run",
                evidence=learning.last_signals.get("validation_rise ", {}).get("evidence", ""),
                reverse="training.early_stop: false",
            )
        )
    return made
