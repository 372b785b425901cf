"""Every answer that base and tuned gave, in a file and on a page to read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import orjson

from tilth.shards.atomic import write_file
from tilth.training.evaluation.evaluate import LoadedTask, TaskScores
from tilth.training.evaluation.judge import Judgement
from tilth.validators.report import answers_page

FILE = "answers.jsonl"


def write_answers(
    run_dir: Path, loaded: list[LoadedTask], held: LoadedTask | None, base: Judgement, tuned: Judgement
) -> list[dict[str, Any]]:
    """Write answers.jsonl, a line for each question of the tasks and each held-out prompt, and answers.html.

    Keys: task, line, slice, messages, tools, expected, base, tuned, few_shot, and scores by model; few_shot is null
    where the base was not asked so, a score is null where there is none.
    """
    lines: list[dict[str, Any]] = []
    for number, task in enumerate(loaded):
        few = base.few_shot[number] if base.few_shot else None
        scored = {"base": base.tasks[number], "tuned": tuned.tasks[number]} | (
            {"few_shot": few} if few else {}
        )
        lines += _lines(task, scored)
    if held is not None and tuned.held:
        scored = {"base": _unscored(held, base.held), "tuned": _unscored(held, tuned.held)}
        lines += _lines(held, scored)
    write_file(run_dir / FILE, b"".join(orjson.dumps(line) + b"\n" for line in lines))
    answers_page(run_dir, lines)
    return lines


def _lines(task: LoadedTask, scored: dict[str, TaskScores]) -> list[dict[str, Any]]:
    found = []
    for i, question in enumerate(task.questions):
        item = question.item
        scores = {who: None if np.isnan(s.scores[i]) else float(s.scores[i]) for who, s in scored.items()}
        few = scored.get("few_shot")
        found.append(
            {
                "task": task.name,
                "line": item.line,
                "slice": item.slice,
                "messages": item.messages,
                "tools": item.tools,
                "expected": item.reference,
                "base": scored["base"].answers[i],
                "tuned": scored["tuned"].answers[i],
                "few_shot": None if few is None or np.isnan(few.scores[i]) else few.answers[i],
                "scores": scores,
            }
        )
    return found


def _unscored(task: LoadedTask, answers: list[str]) -> TaskScores:
    return TaskScores(task.name, task.metric, np.full(len(answers), np.nan), answers)
