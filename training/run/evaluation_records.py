"""What is written down of an evaluation: lines of metrics.jsonl, and lines of the feedback by slice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tilth.shards.tables import VALUE_DECIMALS
from tilth.training.evaluation.panels import EvaluationPlan, Track
from tilth.training.monitors import repetition
from tilth.training.monitors.dynamics import Dynamics
from tilth.training.monitors.signal import Signal, finite, most_severe
from tilth.training.run.mixture import Update

BY_SLICE = ("probe", "twin", "feedback")  # the panels that hold the slices of the run

TWIN_GAP = "twin_gap"  # the monitor whose value is the gap of a slice

Tracks = Mapping[str, Track]
Record = dict[str, Any]


def panels_record(plan: EvaluationPlan, tracks: Tracks, step: int) -> Record:
    """Return what the run is measured on, and the share of its time that this was planned to take."""
    return {
        "kind": "panels",
        "step": step,
        "rows": {name: len(track.panel.row_ids) for name, track in tracks.items()},
        "tokens": plan.tokens,
        "evaluations": len(plan.steps),
        "planned_share": round(plan.share, VALUE_DECIMALS),
    }


def evaluation_record(evaluation: Record, tracks: Tracks, slices: Sequence[str]) -> Record:
    """Return the losses of the last evaluation (step, tokens, loss), overall and by slice and panel."""
    base = tracks["base"]
    return {
        "kind": "evaluation",
        "step": evaluation["step"],
        "tokens": evaluation["tokens"],
        "loss": finite(evaluation["loss"]),
        "base_knowledge": finite(float(base.history[-1].mean())) if base.panel.row_ids else None,
        "slices": {
            name: {panel: finite(tracks[panel].loss(code)[0]) for panel in BY_SLICE}
            for code, name in enumerate(slices)
        },
    }


def monitor_records(signals: Sequence[Signal], step: int) -> list[Record]:
    """Return what every monitor said."""
    return [{"kind": "monitor", "step": step, **signal.to_dict()} for signal in signals]


def mixture_record(step: int, slices: Sequence[str], curated: np.ndarray, update: Update) -> Record:
    """Return a change of the mixture and what it follows from, by slice."""

    def by_slice(values: np.ndarray) -> dict[str, float]:
        return {name: round(float(v), VALUE_DECIMALS) for name, v in zip(slices, values)}

    return {
        "kind": "mixture",
        "step": step,
        "curated": by_slice(curated),
        "p": by_slice(update.p),
        "target": by_slice(update.target),
        "value": by_slice(update.value),
        "progress": by_slice(update.progress),
        "total_variation": round(update.total_variation, VALUE_DECIMALS),
        "data_exhausted": update.exhausted,
    }


def slice_lines(
    evaluations: Sequence[Record],
    tracks: Tracks,
    dynamics: Dynamics,
    slices: Sequence[str],
    signals: Sequence[Signal],
) -> list[Record]:
    """Return a line of FEEDBACK_SLICES for each slice at the last of `evaluations` (step, tokens, loss)."""
    now, lines = evaluations[-1], []
    value = repetition.value(dynamics.drawn_tokens, dynamics.unique_tokens)
    for code, name in enumerate(slices):
        mine = [s for s in signals if s.slice == name]
        worst = most_severe(mine)
        line: Record = {
            "slice": name,
            "evaluation": len(evaluations) - 1,
            "step": now["step"],
            "tokens_seen": now["tokens"],
            "unique_tokens": int(dynamics.unique_tokens[code]),
            "epochs": float(dynamics.drawn_tokens[code] / max(1, dynamics.unique_tokens[code])),
            "repetition_value": float(value[code]),
            "finding": worst.finding.value,
            "lcb": worst.lcb,
            "alpha": worst.alpha,
            "evidence": "; ".join(f"{s.monitor}: {s.evidence}" for s in mine if s.fired) or worst.evidence,
        }
        for panel in BY_SLICE:
            loss, se, rows = tracks[panel].loss(code)
            line |= {f"n_{panel}": rows, f"loss_{panel}": loss, f"se_{panel}": se}
        line["gap"] = next((s.value for s in mine if s.monitor == TWIN_GAP), None)
        lines.append({key: finite(value) for key, value in line.items()})
    return lines
