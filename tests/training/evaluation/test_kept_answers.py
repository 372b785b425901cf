"""Answers of a base are asked for once, and anew where anything that decides them differs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import tiny
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.evaluation import generation
from tilth.training.evaluation.kept_answers import keeping
from tilth.training.plan.request import Request
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.training.run import judging
from tilth.training.train import train

PROMPTS = [[5, 6, 7], [8, 9], [5, 6, 7]]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The prompts of every call that reached the model."""
    calls: list[Any] = []
    generate = generation.generate

    def counted(model: Any, tokenizer: Any, prompts: Any, *more: Any) -> list[str]:
        calls.append(prompts)
        return generate(model, tokenizer, prompts, *more)

    monkeypatch.setattr(generation, "generate", counted)
    return calls


def test_a_second_call_reads_what_the_first_wrote(asked: list[Any], tokenizer: Any, tmp_path: Path) -> None:
    model, told = tiny.make_model(), ([0], [0])

    def count(which: int) -> Callable[[int], None]:
        def add(tokens: int) -> None:
            told[which][0] += tokens

        return add

    first = keeping(tmp_path, ["base"])(model, tokenizer, PROMPTS, 4, count(0))
    again = keeping(tmp_path, ["base"])(model, tokenizer, PROMPTS, 4, count(1))
    assert again == first == generation.generate(model, tokenizer, PROMPTS, 4)
    assert len(asked) == 2  # the first, and the one in the line above
    assert told[0] == told[1] == [8 + 3 * 4 * generation.WRITTEN_COST]


def test_another_base_prompt_or_length_is_asked_anew(
    asked: list[Any], tokenizer: Any, tmp_path: Path
) -> None:
    model = tiny.make_model()
    keeping(tmp_path, ["base"])(model, tokenizer, PROMPTS, 4, None)
    keeping(tmp_path, ["other"])(model, tokenizer, PROMPTS, 4, None)
    keeping(tmp_path, ["base"])(model, tokenizer, PROMPTS[:2], 4, None)
    keeping(tmp_path, ["base"])(model, tokenizer, PROMPTS, 5, None)
    model.generation_config.eos_token_id = [1, 2]
    keeping(tmp_path, ["base"])(model, tokenizer, PROMPTS, 4, None)
    assert len(asked) == 5


@pytest.mark.parametrize("damage", [b"", b"x" * 80, None])
def test_a_damaged_file_is_asked_anew(
    asked: list[Any], tokenizer: Any, tmp_path: Path, damage: bytes | None
) -> None:
    model, ask = tiny.make_model(), keeping(tmp_path, ["base"])
    first = ask(model, tokenizer, PROMPTS, 4, None)
    (file,) = tmp_path.glob("*.answers")
    file.write_bytes(file.read_bytes()[:-1] if damage is None else damage)
    assert ask(model, tokenizer, PROMPTS, 4, None) == first
    assert len(asked) == 2


def test_a_later_run_does_not_ask_the_base_again(
    asked: list[Any], recipe: TrainingRecipe, version: Version, store: Store, tmp_path: Path
) -> None:
    lines = [{"question": f"{n} plus {n}?", "answer": str(2 * n)} for n in range(4)]
    (tmp_path / "sums.jsonl").write_text("\n".join(map(json.dumps, lines)))
    evaluation = EvaluationRecipe.model_validate(
        {"few_shot": 1, "tasks": [{"path": "sums.jsonl", "metric": "exact", "max_new_tokens": 4}]}
    )
    found = []
    for seed in (0, 1):
        judging._bases_judged.clear()  # as in another process
        asked.clear()
        request = Request(version, recipe, evaluation, base_dir=tmp_path, seed=seed, max_steps=2)
        result = train(request, store)
        found.append([task["base"] for task in result.results["tasks"]])
        assert len(asked) == (3 if seed == 0 else 0)  # the task, after an example, the held-out prompts
    assert found[0] == found[1]
