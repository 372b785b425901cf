"""The facts of a finished run, as the run page shows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from tilth.shards.feedback import Finding
from tilth.training.evaluation import intervals
from tilth.training.evaluation.evaluate import LoadedTask, TaskScores
from tilth.training.evaluation.judge import Judgement, fact, loss_result, slice_results, task_results
from tilth.training.evaluation.sampled import Judging
from tilth.training.run.blind import blind_spots
from tilth.training.run.learning import MAX_REPLAY, Learning
from tilth.training.run.word import FORGETTING, Evidence, signed, weigh
from tilth.validators.facts.page import Action
from tilth.validators.facts.run import (
    Curve,
    MonitorResult,
    Retention,
    RunFacts,
    RunHead,
    Sample,
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
    judging: Judging
    groups: Mapping[bytes, str] | None = None
    note: str = ""
    examples: int = SAMPLES_PER_TASK


def run_facts(head: RunHead, learning: Learning, measured: Measured) -> RunFacts:
    """Return the facts of the run page: what it was, what it measured, and what its monitors say."""
    base, tuned, groups = measured.base, measured.tuned, measured.groups
    kept = retention(learning, measured.note)
    slices, tasks = slice_results(base, tuned, groups), task_results(base, tuned, measured.judging.tasks)
    monitors, loss = monitor_results(learning, kept), loss_result(base, tuned, groups)
    weighed = weigh(
        Evidence(
            loss=loss,
            slices=slices if len(slices) > 1 else [],
            tasks=tasks,
            kept=kept,
            monitors=monitors,
            max_forgotten=learning.recipe.retention.max_forgotten,
            watched=bool(learning.evaluations),
            unit=learning.method.unit,
        )
    )
    return {
        **head,
        "verdict": weighed.word,
        "reasons": [*weighed.reasons, *measured.judging.said],
        "causes": [cause.value for cause in weighed.causes],
        "loss": loss,
        "slices": slices,
        "tasks": tasks,
        "curves": curves(learning),
        "monitors": monitors,
        "blind": blind_spots(learning),
        "retention": kept,
        "samples": samples(measured.judging.tasks, base.tasks, tuned.tasks, measured.examples),
        "actions": actions(learning, head["stopped_early"], head["steps"]),
    }


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


def monitor_results(learning: Learning, kept: Retention | None = None) -> list[MonitorResult]:
    """Return what each monitor last said of each slice, or said when it last fired.

    What was forgotten is told of the weights that are kept, once: the step at which it was last found is beside it.
    """
    return [
        _of_kept_weights(line, kept) if kept and line["monitor"] == FORGETTING else line
        for line in (_monitor_result(signal) for _, signal in sorted(learning.last_signals.items()))
    ]


def _monitor_result(signal: Mapping[str, Any]) -> MonitorResult:
    return MonitorResult(
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


def _of_kept_weights(line: MonitorResult, kept: Retention) -> MonitorResult:
    low, bound = kept["change"]["low"], line["bound"]
    triggered = low is not None and bound is not None and low > bound
    spoke = (
        f"; it spoke up at step {line['step']:,}" if line["triggered"] and line["step"] is not None else ""
    )
    line["finding"] = Finding.FORGETTING.value if triggered else Finding.NONE.value
    line["evidence"] = (
        f"loss on base knowledge {signed(kept['change'], 'nat/token')}, with the weights kept "
        f"({kept['rows']} rows){spoke}"
    )
    line["triggered"], line["value"] = triggered, kept["change"]["value"]
    return line


def retention(learning: Learning, note: str) -> Retention | None:
    """Return the loss on base knowledge before the run and under its final weights, row by row."""
    track, after = learning.tracks["base"], learning.kept
    if after is None:
        return None
    before = track.history[0]
    change = intervals.paired_mean(
        (after - before)[None], before * 0 + 1, clusters=track.panel.cluster_of
    ).interval()
    return Retention(
        rows=len(before),
        base=round(float(before.mean()), 6),
        tuned=round(float(after.mean()), 6),
        change=fact(change),
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
    asked = learning.recipe.retention.replay
    if learning.replay > asked > 0:
        made.append(
            Action(
                action=f"replay {asked:.0%} to {learning.replay:.0%} of the tokens",
                target="the run",
                evidence=f"the base's domain was being forgotten; at most {MAX_REPLAY:.0%}",
                reverse="training.retention.replay: 0",
            )
        )
    if stopped_early:
        made.append(
            Action(
                action=f"stopped after {steps} of {learning.total_steps} steps",
                target="the run",
                evidence=learning.stopped_by,
                reverse="training.early_stop: false",
            )
        )
    return made
