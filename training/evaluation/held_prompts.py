"""A few prompts of held-out rows that base and tuned answer, to be read side by side and asked again of a server."""

from __future__ import annotations

import json
from typing import Any

from tilth.shards.tables import Shape, Split
from tilth.shards.version import Version
from tilth.training.evaluation.evaluate import LoadedTask, Question
from tilth.training.evaluation.tasks import Item
from tilth.training.rows.template import Unrenderable
from tilth.training.rows.text import Renderer

NAME = "held-out rows"
COUNT = 20
MIN_NEW_TOKENS, MAX_NEW_TOKENS = 16, 256


def held_prompts(version: Version, renderer: Renderer, max_context: int, count: int = COUNT) -> LoadedTask:
    """Return prompts of promotion rows, then of feedback rows, in the order of their ids, which is that of a hash.

    Every one leaves room for an answer half as long again as the longest reference, at most MAX_NEW_TOKENS. There is
    no metric. `skipped` counts rows that do not fit or are no conversation.
    """
    questions: list[Question] = []
    skipped = longest = 0
    for split in (Split.PROMOTION, Split.FEEDBACK):
        for row in version.samples(split).iter_rows(named=True):
            if len(questions) == count:
                break
            question = _question(row, renderer, len(questions) + 1)
            if question is None or len(question.prompt_ids) + MAX_NEW_TOKENS // 2 > max_context:
                skipped += 1
                continue
            questions.append(question)
            longest = max(longest, len(renderer.tokenizer.tokenize(question.item.reference)))
    room = max_context - max((len(q.prompt_ids) for q in questions), default=0)
    new_tokens = min(max(MIN_NEW_TOKENS, longest * 3 // 2), MAX_NEW_TOKENS, room)
    return LoadedTask(NAME, "", new_tokens, questions, skipped)


def _question(row: dict[str, Any], renderer: Renderer, number: int) -> Question | None:
    if row["shape"] == Shape.DOCUMENT.value:
        return None
    turns = [turn for turn in row["turns"] if turn["role"] != "rejected"]
    *asked, answer = renderer.template.messages(turns)
    if answer["role"] != "assistant" or not asked:
        return None
    tools = renderer.template.offered(json.loads(row["tools"]) if row.get("tools") else None)
    calls = answer.get("tool_calls")
    reference = json.dumps([call["function"] for call in calls]) if calls else answer["content"]
    try:
        ids = renderer.prompt_ids(asked, tools)
    except Unrenderable:
        return None
    return Question(Item(number, asked, tools, reference, row["slice"] or ""), ids)
