"""Nothing that judges a run is replayed in it, shown before a question, or trained on without a word."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests import drafts, tiny
from tilth.shards.errors import Untrainable
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.evaluation.few_shot import worked_examples
from tilth.training.evaluation.judges import judges, task_texts
from tilth.training.plan.job import prepare
from tilth.training.plan.plan import plan
from tilth.training.plan.request import Request
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.training.rows.text import Renderer

TASKS = [{"prompt": "how many lazy dogs does the brown fox see by the river?", "answer": "seven of them"}]


@pytest.fixture
def evaluation(tmp_path: Path) -> EvaluationRecipe:
    (tmp_path / "task.jsonl").write_text("".join(json.dumps(task) + "\n" for task in TASKS))
    return EvaluationRecipe.model_validate({"tasks": [{"path": "task.jsonl", "metric": "exact"}]})


def knowing(base: Path, folder: Path, rows: list[dict[str, Any]]) -> TrainingRecipe:
    (folder / "known.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tiny.make_recipe(base, base_knowledge="known.jsonl")


def said(version: Version, split: str) -> list[dict[str, Any]]:
    """Return the rows of a split as base_knowledge would hold them."""
    return [
        {"messages": [{"role": turn["role"], "content": turn["text"]} for turn in turns]}
        for turns in version.samples(split)["turns"].to_list()
    ]


def test_rows_that_judge_are_neither_replayed_nor_measured(
    store: Store, version: Version, base_path: Path, tmp_path: Path, evaluation: EvaluationRecipe
) -> None:
    promotion = said(version, "promotion")
    near = {"text": "One day: How many lazy dogs does the brown fox see by the river? Seven of them!"}
    other = [{"text": f"the quick brown fox jumps over {n} lazy dogs"} for n in range(6)]
    recipe = knowing(base_path, tmp_path, [*promotion, near, *other])
    job = prepare(Request(version, recipe, evaluation, base_dir=tmp_path), store)
    assert len(promotion) == 12
    assert len(job.roles.base_knowledge) == len(other)
    line = "13 of 19 rows of known.jsonl are held-out rows or task questions, or nearly"
    assert job.plan.left_out == [line]
    assert f"left out: {line}" in plan(recipe, evaluation, version, base_dir=tmp_path).lines()
    with pytest.raises(Untrainable, match="every row of it is a held-out row"):
        prepare(
            Request(version, knowing(base_path, tmp_path, promotion), evaluation, base_dir=tmp_path), store
        )


def test_train_rows_that_hold_a_question_are_counted_and_no_examples(
    store: Store, base_path: Path, tmp_path: Path, evaluation: EvaluationRecipe, tokenizer: Any
) -> None:
    leaked = drafts.Line(
        TASKS[0]["prompt"], "seven of them", decision=drafts.KEPT | {"fold": 3, "slice": "odd"}
    )
    version = tiny.make_version(store, [*tiny.sums(), leaked])
    found = plan(tiny.make_recipe(base_path), evaluation, version, base_dir=tmp_path)
    assert found.left_out[-1].startswith("1 train rows hold a task question, or nearly")
    train = version.samples("train")["row_id"].to_list()
    renderer = Renderer(tokenizer, max_tokens=256)
    questions = task_texts(evaluation, tmp_path)
    assert len(questions) == 2
    pools = [worked_examples(version, renderer, train, asked) for asked in ((), questions)]
    prompts = [{example.messages[0]["content"] for example in pool} for pool in pools]
    assert leaked.prompt not in prompts[1]


def test_every_split_that_is_held_out_judges(version: Version, tmp_path: Path) -> None:
    found = judges(version, EvaluationRecipe(), tmp_path)
    assert len(found.all) == len(found.held_out) == 24
