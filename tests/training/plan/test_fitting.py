"""What a recipe leaves open follows from rows and base; what it names stays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from transformers import LlamaConfig

from tilth.training.plan.fitting import MIN_BATCH_TOKENS, TARGET_STEPS, fitted
from tilth.training.recipe import TrainingRecipe
from tilth.training.rows.text import Example

SMOL = LlamaConfig(hidden_size=576, num_hidden_layers=30)


def rows(count: int, tokens: int, labels: int) -> list[Example]:
    is_label = np.arange(tokens) >= tokens - labels
    return [Example(b"%d" % i, "s", 1.0, np.zeros(tokens, dtype=np.int32), is_label) for i in range(count)]


def of(count: int, tokens: int = 60, labels: int = 10, config: Any = SMOL, **named: Any) -> TrainingRecipe:
    return fitted(TrainingRecipe(base="x", **named), config, rows(count, tokens, labels))[0]


def test_3700_short_rows_have_two_hundred_steps_and_more() -> None:
    recipe = of(3700)
    assert 3700 * 60 * recipe.epochs / recipe.batch_tokens >= 200


@pytest.mark.parametrize(("count", "least", "most"), [(10, 1, 5), (600, 200, 400), (20_000, 290, 330)])
def test_steps_are_enough_where_rows_allow_it(count: int, least: int, most: int) -> None:
    recipe = of(count)
    assert least <= count * 60 * 2 / recipe.batch_tokens <= most
    assert recipe.batch_tokens >= MIN_BATCH_TOKENS


def test_long_runs_keep_the_large_batch() -> None:
    assert of(1_000_000).batch_tokens == 8192
    assert of(100_000, batch_tokens=4096).batch_tokens == 4096


def test_a_narrower_base_bears_a_higher_rate_and_full_tuning_the_same_small_one() -> None:
    wide = LlamaConfig(hidden_size=4096, num_hidden_layers=32)
    assert of(100).rate == 1.3e-3 and of(100, config=wide).rate == 2.9e-4
    assert of(100, method="full").rate == of(100, method="full", config=wide).rate == 1e-5
    assert of(100, method="dpo").rate == pytest.approx(1.3e-3 / 20)


def test_ten_steps_at_least_warm_up() -> None:
    assert of(3700).warmup * TARGET_STEPS == pytest.approx(10, abs=1)
    assert of(1_000_000).warmup == 0.03 and of(10).warmup == 0.2


def test_adapters_hold_a_parameter_for_every_token_that_is_learned() -> None:
    assert of(3700).lora.rank == 16
    many = of(200_000, tokens=600, labels=200)
    assert many.lora.rank == 128 and many.lora.alpha == 256
    assert of(200_000, tokens=600, labels=200, lora={"rank": 8}).lora.rank == 8


def test_what_the_recipe_names_stays_and_is_not_explained() -> None:
    named = {"rate": 1e-4, "batch_tokens": 1024, "warmup": 0.1, "lora": {"rank": 4, "alpha": 4}}
    recipe, lines = fitted(TrainingRecipe(base="x", **named), SMOL, rows(50, 60, 10))
    assert (recipe.rate, recipe.batch_tokens, recipe.warmup, recipe.lora.rank) == (1e-4, 1024, 0.1, 4)
    assert lines == []


def test_each_setting_stands_with_its_reason() -> None:
    _, lines = fitted(TrainingRecipe(base="x"), SMOL, rows(3700, 60, 10))
    assert [line.split(":")[0] for line in lines] == [
        "batch_tokens 1,472", "rate 0.0013", "warmup 0.0331", "lora.rank 16",
    ]  # fmt: skip
    assert "302 steps of 444,000 tokens" in lines[0]
