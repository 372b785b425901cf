"""What a recipe leaves open, set as the rows and the base ask: tokens a step, rate, warm-up, rank of adapters.

Only keys that the recipe does not name are set, and the plan says each with its reason. Short runs need steps more than
full ones need large batches: batches far below what is customary learn as well a token, as stably (Marek et al., "Small
Batch Size Training for Language Models", arXiv 2507.07101), so that a run is given TARGET_STEPS where its rows allow
it. The rate of adapters falls with the width of the base, and they need about a parameter for each token they learn
("LoRA Without Regret", Thinking Machines, 2025). `benchmarks/suite/fitting.py` holds the rule to a searched grid.
"""

from __future__ import annotations

import math
from typing import Any

from tilth.training.methods.method import method_of
from tilth.training.recipe import TrainingRecipe
from tilth.training.rows.text import Example

TARGET_STEPS = 300
MIN_BATCH_TOKENS = 256
ROUND_TOKENS = 64
WARM_STEPS = 10
MAX_WARMUP = 0.2
MAX_RANK = 128
PARAMETERS_PER_RANK = (
    18  # of all adapters of a layer, by the width of the base: of SmolLM2 17.8, of Llama 3 17.4
)


def fitted(recipe: TrainingRecipe, config: Any, train: list[Example]) -> tuple[TrainingRecipe, list[str]]:
    """Return the recipe with what it leaves open set, and a line a key that was set, with its reason."""
    named, text = recipe.model_fields_set, config.get_text_config()
    tokens = recipe.epochs * sum(e.weight * len(e.input_ids) for e in train)
    changes: dict[str, Any] = {}
    lines = []
    if "batch_tokens" not in named:
        batch = _batch_tokens(tokens, recipe.batch_tokens)
        changes["batch_tokens"] = batch
        lines.append(
            f"batch_tokens {batch:,}: {_steps(tokens, batch, recipe):,} steps of {tokens:,.0f} tokens"
        )
    if recipe.rate is None:
        rate = method_of(recipe).rate_for(text.hidden_size)
        changes["rate"] = rate
        lines.append(f"rate {rate:g}: {recipe.method} on a base of width {text.hidden_size:,}")
    if "warmup" not in named:
        steps = _steps(tokens, changes.get("batch_tokens", recipe.batch_tokens), recipe)
        changes["warmup"] = round(min(MAX_WARMUP, max(recipe.warmup, WARM_STEPS / steps)), 4)
        lines.append(
            f"warmup {changes['warmup']:g}: {math.ceil(changes['warmup'] * steps)} of {steps:,} steps"
        )
    if method_of(recipe).frozen_base and "rank" not in recipe.lora.model_fields_set:
        learned = sum(e.weight * int(e.is_label.sum()) for e in train)
        rank = _rank(learned, text, recipe)
        changes["lora"] = recipe.lora.model_copy(update=_scaled(recipe, rank))
        lines.append(f"lora.rank {rank}: {learned:,.0f} tokens to learn")
    return recipe.model_copy(update=changes), lines


def _batch_tokens(tokens: float, most: int) -> int:
    """Return tokens a step: a TARGET_STEPS-th of the run's, between MIN_BATCH_TOKENS and `most`."""
    wanted = int(tokens / TARGET_STEPS) // ROUND_TOKENS * ROUND_TOKENS
    return max(MIN_BATCH_TOKENS, min(most, wanted))


def _steps(tokens: float, batch_tokens: int, recipe: TrainingRecipe) -> int:
    steps = max(1, math.ceil(tokens / batch_tokens))
    return steps if recipe.max_steps is None else min(steps, recipe.max_steps)


def _rank(learned: float, text: Any, recipe: TrainingRecipe) -> int:
    """Return the least power of two that gives a parameter for each token to learn; never below the default."""
    layers = max(1, text.num_hidden_layers - recipe.freeze_layers)
    wanted = learned / (PARAMETERS_PER_RANK * text.hidden_size * layers)
    rank = recipe.lora.rank
    while rank < min(wanted, MAX_RANK):
        rank *= 2
    return rank


def _scaled(recipe: TrainingRecipe, rank: int) -> dict[str, Any]:
    """Return the rank with an alpha of as much a rank as before, where the recipe names none."""
    kept = "alpha" in recipe.lora.model_fields_set
    return {"rank": rank} if kept else {"rank": rank, "alpha": recipe.lora.alpha * rank // recipe.lora.rank}
