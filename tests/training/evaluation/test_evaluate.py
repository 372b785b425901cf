"""Answers by generation: the same alone and in a padded batch, and from the base under an adapter."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.run.test_learning import make_model
from tilth.shards.errors import SourceError
from tilth.training.evaluation import evaluate
from tilth.training.recipe import EvaluationRecipe, Task
from tilth.training.rows.text import Renderer

WORDS = ["<pad>", "</s>", "<user>", "<bot>", *(f"w{i}" for i in range(60))]
TEMPLATE = (
    "{% for m in messages %}{{ '<user>' if m.role == 'user' else '<bot>' }} {{ m.content }}"
    "{% if m.role == 'assistant' %} </s>{% endif %} {% endfor %}"
    "{% if add_generation_prompt %}<bot>{% endif %}"
)


@pytest.fixture(scope="module")
def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.WordLevel({w: i for i, w in enumerate(WORDS)}, unk_token="<pad>"))
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made = PreTrainedTokenizerFast(tokenizer_object=core, eos_token="</s>", pad_token="<pad>")
    made.chat_template = TEMPLATE
    return made


def alone(model, prompt: list[int], count: int) -> list[int]:
    """Greedy decoding without batch, padding or cache."""
    ids = list(prompt)
    model.eval()
    with torch.no_grad():
        for _ in range(count):
            ids.append(int(model(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
            if ids[-1] == 1:
                break
    return ids[len(prompt) :]


def test_a_padded_batch_answers_like_each_alone(tokenizer):
    model = make_model(3)
    rng = np.random.default_rng(0)
    prompts = [rng.integers(4, 64, n).tolist() for n in (3, 17, 5, 5, 1, 30, 9)]
    answers = evaluate.generate(model, tokenizer, prompts, 8)
    for prompt, answer in zip(prompts, answers):
        assert answer == tokenizer.decode(alone(model, prompt, 8), skip_special_tokens=True).strip()


def test_an_answer_ends_at_the_stop_token(tokenizer):
    model = make_model(3)
    with torch.no_grad():
        model.lm_head.weight.zero_()
        model.lm_head.weight[1] = 0
        model.lm_head.weight[7] = 0
        model.get_output_embeddings().bias = torch.nn.Parameter(torch.zeros(64))
        model.get_output_embeddings().bias[1] = 1.0
    assert evaluate.generate(model, tokenizer, [[4, 5], [6]], 8) == ["", ""]


def test_batches_hold_every_row_once_within_the_budget():
    lengths = np.random.default_rng(0).integers(1, 3000, 500).tolist()
    batches = list(evaluate._batches(lengths, 64))
    assert sorted(row for batch in batches for row in batch) == list(range(500))
    for batch in batches:
        padded = len(batch) * (max(lengths[row] for row in batch) + 64)
        assert padded <= evaluate.BATCH_TOKENS or len(batch) == 1
        assert len(batch) <= evaluate.MAX_BATCH_ROWS


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
    before = evaluate.generate(model, tokenizer, prompts, 6)
    tuned = get_peft_model(model, LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 1)
    assert evaluate.generate(tuned, tokenizer, prompts, 6) != before
    with evaluate.base_of(tuned) as base:
        assert evaluate.generate(base, tokenizer, prompts, 6) == before
