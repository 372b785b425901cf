"""Answers by generation: the same alone and in a padded batch, and from the base under an adapter."""

from __future__ import annotations

import pytest
import torch

from tests.training.evaluation.writing import alone, word_tokenizer
from tests.training.run.test_learning import make_model
from tilth.shards.errors import SourceError
from tilth.training.evaluation import evaluate
from tilth.training.evaluation.generation import generate
from tilth.training.recipe import EvaluationRecipe, Task
from tilth.training.rows.text import Renderer


@pytest.fixture(scope="module")
def tokenizer():
    return word_tokenizer()


def tasks_in(folder, lines: str, tokenizer, **changes):
    (folder / "desk.jsonl").write_text(lines)
    task = Task(path="desk.jsonl", metric="exact", max_new_tokens=2, **changes)
    renderer = Renderer(tokenizer, max_tokens=64)
    recipe = EvaluationRecipe(tasks=(task,))
    return evaluate.load_tasks(recipe, renderer, base_dir=folder, max_context=64)


def test_the_serving_prompt_is_asked_and_the_answer_scored(tmp_path, tokenizer):
    model = make_model(3)
    question = tokenizer.convert_tokens_to_ids(["<user>", "w9", "<bot>"])
    truth = tokenizer.decode(alone(model, question, 2), skip_special_tokens=True)
    lines = f'{{"prompt": "w9", "response": "{truth}"}}\n{{"prompt": "w9", "response": "never"}}\n'
    (task,) = tasks_in(tmp_path, lines, tokenizer)
    assert [q.prompt_ids for q in task.questions] == [question, question]
    (scores,) = evaluate.answer_tasks(model, tokenizer, [task])
    assert scores.name == "desk"
    assert scores.scores.tolist() == [1.0, 0.0]
    assert scores.mean == 0.5


def test_questions_without_room_for_the_answer_are_counted(tmp_path, tokenizer):
    lines = '{"prompt": "w9", "response": "w1"}\n' + f'{{"prompt": "{"w9 " * 70}", "response": "w1"}}\n'
    (task,) = tasks_in(tmp_path, lines, tokenizer)
    assert (len(task.questions), task.skipped) == (1, 1)
    with pytest.raises(SourceError, match="no question fits"):
        tasks_in(tmp_path, lines.splitlines()[1], tokenizer)


def test_the_base_answers_as_before_under_an_adapter(tokenizer):
    from peft import LoraConfig, get_peft_model

    model, prompts = make_model(3), [[4, 5, 6], [7]]
    before = generate(model, tokenizer, prompts, 6)
    tuned = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 1)
    assert generate(tuned, tokenizer, prompts, 6) != before
    with evaluate.base_of(tuned) as base:
        assert generate(base, tokenizer, prompts, 6) == before
