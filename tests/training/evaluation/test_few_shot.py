"""Worked examples: train rows of the item's kind, before the question, where they fit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests import drafts, tiny
from tilth.shards.store import Store
from tilth.training.evaluation import few_shot
from tilth.training.evaluation.evaluate import LoadedTask, Question
from tilth.training.evaluation.few_shot import Worked, examples_for, worked_examples
from tilth.training.evaluation.held_prompts import held_prompts
from tilth.training.evaluation.sampled import Judging
from tilth.training.evaluation.tasks import Item
from tilth.training.rows.text import Renderer


@pytest.fixture
def renderer(tokenizer: Any) -> Renderer:
    return Renderer(tokenizer, max_tokens=256)


def item(text: str, tools: list[Any] | None = None, name: str = "") -> Item:
    return Item(
        1, [{"role": "system", "content": "Add."}, {"role": "user", "content": text}], tools, "3", name
    )


def test_examples_are_train_rows_that_the_run_may_use(store: Store, renderer: Renderer) -> None:
    version = tiny.make_version(store)
    train = version.samples("train")
    allowed = set(train["row_id"].to_list()[:60])
    pool = worked_examples(version, renderer, allowed)
    texts = {row["turns"][0]["text"] for row in train.iter_rows(named=True) if row["row_id"] in allowed}
    assert 20 <= len(pool) <= 60
    assert {w.messages[0]["content"] for w in pool} <= texts
    assert {w.slice for w in pool} == {"odd", "even"}


def test_longer_conversations_and_long_rows_are_no_examples(store: Store, renderer: Renderer) -> None:
    decision = {"verdict": "keep", "split": "train", "fold": 3, "slice": "s", "weight": 1_000_000}
    lines = [drafts.Line(f"{n}?" + "x" * n, answer="y", decision=decision) for n in range(10)]
    version = tiny.make_version(store, lines)
    ids = version.samples("train")["row_id"].to_list()
    lengths = [w.length for w in worked_examples(version, renderer, ids)]
    assert len(lengths) == 5
    assert (
        max(lengths) < len('[{"role": "user", "content": "0?"}, {"role": "assistant", "content": "y"}]') + 5
    )


def test_an_item_gets_its_own_slice_and_tools() -> None:
    def worked(name: str, *calls: str, has_tools: bool = False) -> Worked:
        return Worked(name, [], has_tools, frozenset(calls))

    plain, other = worked("a"), worked("b")
    book, track = worked("a", "book", has_tools=True), worked("a", "track", has_tools=True)
    pool = [other, plain, book, track]
    assert examples_for(item("q", name="a"), pool, 1) == [plain]
    assert examples_for(item("q", name="a"), pool, 2) == [other, plain]  # too few alike: any slice
    assert examples_for(item("q", [{"type": "function", "function": {"name": "book"}}]), pool, 3) == [book]


def test_examples_stand_after_the_system_turn_and_before_the_question(renderer: Renderer) -> None:
    told = [{"role": "user", "content": "1 plus 2?"}, {"role": "assistant", "content": "3"}]
    ids = few_shot._prompt_ids(item("4 plus 2?"), [Worked("", told, False, frozenset())], renderer, 1)
    assert renderer.tokenizer.decode(ids) == (
        "<|im_start|>system\nAdd.<|im_end|>\n"
        "<|im_start|>user\n1 plus 2?<|im_end|>\n<|im_start|>assistant\n3<|im_end|>\n"
        "<|im_start|>user\n4 plus 2?<|im_end|>\n<|im_start|>assistant\n"
    )


def test_what_does_not_fit_is_not_asked(renderer: Renderer) -> None:
    told = [{"role": "user", "content": "1 plus 2?"}, {"role": "assistant", "content": "3"}]
    pool = [Worked("", told, False, frozenset())] * 3
    items = [item("2 plus 2?"), item("zq" * 60)]
    task = LoadedTask("t", "exact", 4, [Question(i, renderer.prompt_ids(i.messages)) for i in items], 0)
    (scores,) = few_shot.answer_with_examples(
        tiny.make_model(), renderer, Judging([task], shots=3), pool, 160
    )
    assert np.isnan(scores.scores).tolist() == [False, True]
    assert scores.answers[1] == ""


def test_held_prompts_are_promotion_rows_first(store: Store, renderer: Renderer, tmp_path: Path) -> None:
    version = tiny.make_version(store)
    held = held_prompts(version, renderer, 256)
    promotion = [row["turns"][0]["text"] for row in version.samples("promotion").iter_rows(named=True)]
    asked = [q.item.messages[0]["content"] for q in held.questions]
    assert asked[:12] == promotion
    assert len(asked) == 20
    assert held.max_new_tokens == 16
    assert all(q.prompt_ids == renderer.prompt_ids(q.item.messages) for q in held.questions)
    assert json.dumps(
        [q.item.messages for q in held_prompts(version, renderer, 256).questions]
    ) == json.dumps([q.item.messages for q in held.questions])
