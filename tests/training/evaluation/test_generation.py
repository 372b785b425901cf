"""Greedy answers in batches are those of each prompt alone, whatever prompts share and however the base attends."""

from __future__ import annotations

from functools import wraps

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.training.evaluation.writing import alone, word_tokenizer
from tests.training.run.test_learning import make_model
from tilth.training.evaluation import generation
from tilth.training.evaluation.generation import generate


@pytest.fixture(scope="module")
def tokenizer():
    return word_tokenizer()


@pytest.fixture(scope="module")
def model():
    return make_model(3)


def texts(model, tokenizer, prompts: list[list[int]], count: int) -> list[str]:
    return [tokenizer.decode(alone(model, p, count), skip_special_tokens=True).strip() for p in prompts]


def make_sliding(window: int = 6):
    from transformers import MistralConfig, MistralForCausalLM

    torch.manual_seed(0)
    return MistralForCausalLM(
        MistralConfig(
            vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=64, sliding_window=window, eos_token_id=1,
        )
    )  # fmt: skip


def beginnings(seed: int = 0) -> list[list[int]]:
    """Prompts as tasks have them: a system prompt that all share, worked examples that some share."""
    rng = np.random.default_rng(seed)
    system, examples = rng.integers(4, 64, 9), [rng.integers(4, 64, 20) for _ in range(2)]
    made = [[*system, *rng.integers(4, 64, n)] for n in (1, 2, 3, 12)]
    made += [[*system, *examples[i % 2], *rng.integers(4, 64, 1 + i % 5)] for i in range(11)]
    return [[int(token) for token in prompt] for prompt in made]


def test_a_padded_batch_answers_like_each_alone(model, tokenizer):
    rng = np.random.default_rng(0)
    prompts = [rng.integers(4, 64, n).tolist() for n in (3, 17, 5, 5, 1, 30, 9)]
    assert generate(model, tokenizer, prompts, 8) == texts(model, tokenizer, prompts, 8)


def test_prompts_that_begin_alike_answer_like_each_alone(model, tokenizer, monkeypatch):
    begun, plain = [], generation._begun
    monkeypatch.setattr(generation, "_begun", lambda m, ids: begun.append(len(ids)) or plain(m, ids))
    prompts = beginnings()
    assert generate(model, tokenizer, prompts, 8) == texts(model, tokenizer, prompts, 8)
    assert sorted(begun) == [9, 29, 29]  # the system prompt, and it with either example


def test_a_prompt_that_another_goes_on_from_keeps_a_token_of_its_own(model, tokenizer):
    prompts = [[5, 6, 7], [5, 6, 7, 8], [5], [5, 6, 7, 8, 9]]
    assert generate(model, tokenizer, prompts, 4) == texts(model, tokenizer, prompts, 4)


def test_an_adapter_is_answered_for_as_it_stands(tokenizer):
    from peft import LoraConfig, get_peft_model

    tuned = get_peft_model(make_model(3), LoraConfig(r=4, target_modules="all-linear", task_type="CAUSAL_LM"))
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if "lora_B" in name:
                parameter.normal_(0, 1)
    prompts = beginnings(1)
    assert generate(tuned, tokenizer, prompts, 6) == texts(tuned, tokenizer, prompts, 6)


def test_a_sliding_window_is_left_to_transformers(tokenizer, monkeypatch):
    monkeypatch.setattr(generation, "_greedy", None)
    model, prompts = make_sliding(), beginnings(2)
    assert generate(model, tokenizer, prompts, 6) == texts(model, tokenizer, prompts, 6)


def test_a_base_that_asks_for_a_penalty_is_left_to_transformers(tokenizer, monkeypatch):
    monkeypatch.setattr(generation, "_greedy", None)
    model = make_model(3)
    prompts = beginnings(3)
    model.generation_config.repetition_penalty = 5.0
    answers = generate(model, tokenizer, prompts, 8)
    assert answers != texts(model, tokenizer, prompts, 8)
    for answer in answers:
        assert len(answer.split()) == len(set(answer.split()))


def test_a_base_that_samples_is_still_asked_for_the_likeliest(model, tokenizer):
    sampling = make_model(3)
    sampling.generation_config.do_sample, sampling.generation_config.temperature = True, 0.7
    prompts = beginnings(4)
    assert generate(sampling, tokenizer, prompts, 6) == generate(model, tokenizer, prompts, 6)


def test_an_answer_ends_at_the_stop_token(tokenizer):
    model = make_model(3)
    with torch.no_grad():
        model.lm_head.weight.zero_()
        model.get_output_embeddings().bias = torch.nn.Parameter(torch.zeros(64))
        model.get_output_embeddings().bias[1] = 1.0
    assert generate(model, tokenizer, [[4, 5], [6]], 8) == ["", ""]


def test_what_has_ended_leaves_its_batch(model, tokenizer, monkeypatch):
    prompts = [[4 + i, 9 + i, 30 - i] for i in range(12)]
    first = {alone(model, prompt, 1)[0] for prompt in prompts[:6]}
    stops = sorted(first)
    monkeypatch.setattr(generation, "stop_ids", lambda *_: stops)
    widths, plain = [], type(model).forward

    @wraps(plain)
    def counted(self, *args, **kwargs):
        widths.append(len(kwargs["input_ids"]))
        return plain(self, *args, **kwargs)

    monkeypatch.setattr(type(model), "forward", counted)
    generate(model, tokenizer, prompts, 8)
    assert widths[0] == 12 and max(widths[1:], default=0) <= 6
    assert widths == sorted(widths, reverse=True)


def test_equal_prompts_are_answered_once_and_all_are_counted(model, tokenizer):
    told: list[int] = []
    prompts = [[5, 6], [7], [5, 6], [5, 6]]
    answers = generate(model, tokenizer, prompts, 4, told.append)
    assert answers[0] == answers[2] == answers[3]
    assert sum(told) == 3 * (2 + 3 * 4) + (1 + 3 * 4)
    assert generate(model, tokenizer, [], 4) == []


def test_batches_hold_every_row_once_within_the_budget():
    lengths = np.random.default_rng(0).integers(1, 3000, 500).tolist()
    batches = list(generation.batches(lengths, 64))
    assert sorted(row for batch in batches for row in batch) == list(range(500))
    for batch in batches:
        padded = len(batch) * (max(lengths[row] for row in batch) + 64)
        assert padded <= generation.BATCH_TOKENS or len(batch) == 1
        assert len(batch) <= generation.MAX_BATCH_ROWS


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(((), (1,) * 16, (1,) * 40, (2,) * 20)), st.lists(st.integers(1, 3), min_size=1)
        ),
        max_size=30,
    )
)
def test_families_hold_every_prompt_once_and_begin_alike(made):
    prompts = sorted({(*start, *end) for start, end in made})
    found = list(generation.families(prompts))
    assert sorted(prompt for _, family in found for prompt in family) == prompts
    for shared, family in found:
        assert len({prompt[:shared] for prompt in family}) == 1
        assert all(len(prompt) > shared for prompt in family)
