"""Facts of one run and one comparison, as training would write them."""

from __future__ import annotations

import math
from typing import Any

from tilth.validators.facts.comparison import ComparisonFacts
from tilth.validators.facts.doctor import DoctorFacts
from tilth.validators.facts.page import Interval
from tilth.validators.facts.run import RunFacts

SLICES = ["arithmetic/en", "formats/de", "string edits", "sort", "lookup/en", "tool calls"]


def around(value: float, spread: float = 0.05) -> Interval:
    return {"value": value, "low": value - spread, "high": value + spread}


def run_facts(**changes: Any) -> RunFacts:
    steps = list(range(0, 401, 20))
    facts: RunFacts = {
        "kind": "run",
        "verdict": "USE",
        "reasons": [
            "Task 'tickets' rose from 0.214 to 0.683 on 120 items; the change lies in [+0.38, +0.55].",
            "Held-out loss fell by 0.61 nat/token on 412 rows; 6 of 6 slices improved.",
            "Retention: +0.004 nat/token on 200 base rows, below the alarm at 0.020.",
        ],
        "next": "curate recipe.yaml",
        "name": "support-tuning",
        "run_id": "7c1d90a2f4be",
        "version": "3f9a41c2b7d0",
        "base": "data/base",
        "method": "lora rank 16",
        "seed": 0,
        "device": "cpu, float32",
        "steps": 380,
        "planned_steps": 400,
        "best_step": 340,
        "stopped_early": True,
        "tokens": 3_112_960,
        "slices": [
            {
                "slice": name,
                "rows": 60 + 11 * i,
                "base": around(2.1 - 0.15 * i, 0.12),
                "tuned": around(1.2 - 0.1 * i, 0.07),
                "change": around(-0.9 + 0.05 * i, 0.08),
            }
            for i, name in enumerate(SLICES)
        ],
        "tasks": [
            {
                "name": name,
                "metric": metric,
                "items": 120,
                "base": around(base),
                "tuned": around(tuned),
                "change": around(tuned - base, 0.08),
            }
            for name, metric, base, tuned in (
                ("tickets", "exact", 0.214, 0.683),
                ("tool calls", "tool_call", 0.05, 0.62),
            )
        ],
        "curves": [
            {
                "slice": name,
                "step": steps,
                "probe": [2.1 * math.exp(-s / 160) + 0.35 for s in steps],
                "twin": [2.1 * math.exp(-s / 170) + 0.40 + 0.0004 * s * (i == 1) for s in steps],
                "feedback": [None if s % 60 else 2.1 * math.exp(-s / 175) + 0.47 for s in steps],
            }
            for i, name in enumerate(SLICES)
        ],
        "rate": {"step": steps, "rate": [2e-4 * 0.5 * (1 + math.cos(math.pi * s / 400)) for s in steps]},
        "monitors": [
            {
                "monitor": "M1 twin gap",
                "slice": "formats/de",
                "finding": "memorising",
                "triggered": True,
                "value": 0.142,
                "bound": 0.05,
                "step": 300,
                "evidence": "lower bound 0.142 nat over 2 evaluations, 88 twin rows",
            },
            {
                "monitor": "M2 validation rise",
                "slice": "sort",
                "finding": "none",
                "triggered": False,
                "value": -0.02,
                "bound": 0.01,
                "step": 380,
                "evidence": "",
            },
            {
                "monitor": "M9 retention",
                "slice": "",
                "finding": "none",
                "triggered": False,
                "value": 0.001,
                "bound": 0.02,
                "step": 380,
                "evidence": "200 rows of the base domain",
            },
        ],
        "retention": {
            "rows": 200,
            "base": 1.912,
            "tuned": 1.916,
            "change": around(0.004, 0.006),
            "note": "200 documents named by training.base_knowledge.",
        },
        "samples": [
            {
                "task": "tickets",
                "prompt": "Sort these words: pear, apple, fig. Answer with the list only.",
                "expected": "apple, fig, pear",
                "base": "The words are pear and apple and",
                "tuned": "apple, fig, pear",
                "base_score": 0.0,
                "tuned_score": 1.0,
            },
            {
                "task": "tool calls",
                "prompt": "What is the weather in Graz tomorrow?",
                "expected": '{"name": "weather", "arguments": {"city": "Graz", "day": "tomorrow"}}',
                "base": "",
                "tuned": '{"name": "weather", "arguments": {"city": "Graz"}}',
                "base_score": 0.0,
                "tuned_score": None,
            },
        ],
        "plan": [
            {"quantity": "time", "unit": "seconds", "planned": 75.0, "measured": 81.3},
            {"quantity": "peak memory", "unit": "bytes", "planned": 1.9e9, "measured": 1.72e9},
            {"quantity": "tokens", "unit": "tokens", "planned": 3276800, "measured": 3112960},
        ],
        "actions": [
            {
                "action": "stopped early",
                "target": "at step 380 of 400",
                "evidence": "no slice improved over 2 evaluations",
                "reverse": "train recipe.yaml --fresh --set training.early_stop=false",
            }
        ],
        "links": [{"label": "data page of 3f9a41c2b7d0", "href": "../../reports/3f9a41c2b7d0/report.html"}],
    }
    facts.update(changes)  # type: ignore[typeddict-item]
    return facts


def comparison_facts(**changes: Any) -> ComparisonFacts:
    arms = [
        ("base", "", [2.131], [0.214]),
        ("parent", "3f9a41c2b7d0", [1.214, 1.226, 1.209], [0.683, 0.675, 0.692]),
        ("child", "a81b2c3d4e5f", [1.203, 1.221, 1.212], [0.692, 0.683, 0.683]),
        ("random removal", "3f9a41c2b7d0", [1.219, 1.23, 1.217], [0.675, 0.667, 0.683]),
    ]
    facts: ComparisonFacts = {
        "kind": "comparison",
        "verdict": "NOT ENOUGH EVIDENCE",
        "reasons": [
            "Second against first version: -0.004 nat/token, in [-0.013, +0.005], 3 seeds, 412 rows.",
            "Task 'tickets': +0.003, interval [-0.012, +0.018], 120 items.",
            "Random removal of as many rows: +0.006 nat/token, inside the spread of the seeds.",
        ],
        "next": "tilth rollback support-tuning",
        "name": "support-tuning",
        "parent": "3f9a41c2b7d0",
        "child": "a81b2c3d4e5f",
        "answer": "no difference shown",
        "sentence": "The interval of the paired loss difference crosses zero, and so does every task's.",
        "rows": 412,
        "items": 120,
        "arms": [
            {
                "arm": arm,
                "version": version,
                "seeds": [
                    {
                        "seed": i,
                        "loss": loss,
                        "scores": {"tickets": score},
                        "run": f"../run{i}/report.html" if i else "",
                    }
                    for i, (loss, score) in enumerate(zip(losses, scores))
                ],
            }
            for arm, version, losses, scores in arms
        ],
        "differences": [
            {
                "label": label,
                "unit": unit,
                "better": "lower" if unit == "nat/token" else "higher",
                "primary": primary,
                "interval": around(value, spread),
            }
            for label, unit, primary, value, spread in (
                ("child - parent, loss, all slices", "nat/token", True, -0.004, 0.009),
                ("random removal - parent, loss, all slices", "nat/token", False, 0.006, 0.01),
                ("child - base, loss, all slices", "nat/token", False, -0.921, 0.06),
                ("child - parent, tickets", "exact", True, 0.003, 0.015),
                ("child - base, tickets", "exact", False, 0.472, 0.08),
                ("child - parent, loss, formats/de", "nat/token", False, -0.031, 0.028),
                ("child - parent, loss, sort", "nat/token", False, 0.012, 0.03),
            )
        ],
        "changes": {"verdict": 412, "weight": 1204, "added": 0},
        "changed_rows": [
            {
                "row": f"{i:012x}",
                "change": "verdict",
                "before": "keep",
                "after": "quarantine",
                "reason": "pushback: noisy, precision 0.93",
            }
            for i in range(8)
        ],
        "actions": [
            {
                "action": "quarantine",
                "target": "412 rows of formats/de",
                "evidence": "M6 noise: estimated precision 0.93, low margin and high contradiction",
                "reverse": "tilth rollback support-tuning --to 3f9a41c2b7d0",
            },
            {
                "action": "weight × 0.5",
                "target": "slice sort, 1,204 rows",
                "evidence": "M1 twin gap: lower bound 0.142 nat over 2 evaluations",
                "reverse": "tilth rollback support-tuning --to 3f9a41c2b7d0",
            },
        ],
        "links": [
            {"label": "data page of the first version", "href": "../3f9a41c2b7d0/report.html"},
            {"label": "data page of the second version", "href": "../a81b2c3d4e5f/report.html"},
        ],
    }
    facts.update(changes)  # type: ignore[typeddict-item]
    return facts


def doctor_facts() -> DoctorFacts:
    """Return the facts of a health page with something in every part."""
    example = {"row": "3f9a41c2b7d0", "place": "a.jsonl:3", "text": "Dear Karl", "witness": "a.jsonl:1"}
    return {
        "kind": "doctor",
        "verdict": "USE",
        "reasons": ["2 of 900 lines are no rows (0.2 %)."],
        "next": "tilth init a.jsonl --base MODEL",
        "name": "a.jsonl",
        "lines": {"read": 900, "rows": 890, "repeated": 8, "unreadable": 2},
        "judged": 890,
        "shape": "chat",
        "mapped": {"messages": "messages"},
        "readings": [
            {
                "source": "a",
                "first": "a.jsonl",
                "files": 1,
                "format": "jsonl",
                "reading": "chat (messages: messages)",
                "others": ["document (text: text)"],
                "unread": [{"what": "meta", "rows": 3}],
                "notes": [{"what": "neighbours of one role merged", "rows": 1}],
                "counts": [
                    {"path": "a.jsonl", "records": 900, "text_lines": 900, "bytes": 91_204, "bytes_read": 91_204}
                ],
            }
        ],
        "unfinished": {"a.jsonl": "cut_archive"},
        "unreadable": [{"reason": "invalid_json", "lines": 2, "first": "a.jsonl:7"}],
        "findings": [
            {"stage": "dedup", "reason": "near_duplicate", "verdict": "drop", "rows": 5, "share": 0.0056,
             "examples": [example]},
        ],
        "private": {"email": 4},
        "histograms": [
            {"title": "language", "ordered": False, "bars": [("en", 0.9), ("de", 0.1)]},
            {"title": "characters of the answers", "ordered": True, "bars": [("1–1", 0.4), ("2–3", 0.6)]},
        ],
        "columns": [{"name": "topic", "present": 1.0, "distinct": 2, "common": "a, b"}],
        "advice": [{"because": "'topic' has few values.", "write": "curation: {slice_by: [topic]}"}],
    }  # type: ignore[typeddict-item]  # fmt: skip
