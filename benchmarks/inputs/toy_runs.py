"""Watched runs of seconds: a Llama of 60,000 parameters on made-up tokens, with nothing wrong or with one plant.

Two slices follow a rule that generalises, one in short answers and one in answers long enough to be recited. Train,
withheld, held-out and promotion rows are of one lot, and so is what stands for the knowledge of the base.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

VOCABULARY, PROMPT, SHORT, LONG, STOP = 64, 6, 4, 36, 1
STEPS, STEP_ROWS, PACK_TOKENS = 80, 40, 1_024
RATE = 8e-3


@dataclass(frozen=True)
class World:
    """Rows by their part, and canaries of one copy with their references. order: how train rows are drawn."""

    train: list[Any]
    twin: list[Any]
    feedback: list[Any]
    promotion: list[Any]
    base: list[Any]
    canaries: Any = None
    order: list[Any] = field(default_factory=list)


def rows(slice_name: str, count: int, seed: int, *, rule: bool = True, weight: float = 1.0) -> list[Any]:
    """Answers repeat the first token of the prompt, or follow no rule; those of the slice `long` are long."""
    from tilth.training.rows.text import Example

    answer_tokens = LONG if slice_name == "long" else SHORT
    rng, made = np.random.default_rng([seed, len(slice_name)]), []
    for number in range(count):
        prompt = rng.integers(2, VOCABULARY, PROMPT)
        answer = np.repeat(prompt[0], answer_tokens) if rule else rng.integers(2, VOCABULARY, answer_tokens)
        ids = np.concatenate([prompt, answer, [STOP]]).astype(np.int32)
        row_id = f"{slice_name}{seed}-{number}".encode().rjust(16, b"\0")[-16:]
        made.append(Example(row_id, slice_name, weight, ids, np.arange(len(ids)) >= PROMPT))
    return made


def null_world(seed: int) -> World:
    """Return a world in which every row is seen once, and nothing is wrong."""
    from tilth.training.rows.canaries import Canaries

    first = 1_000 * seed
    count = STEPS * STEP_ROWS // 2

    def lot(number: int, each: int) -> list[Any]:
        return rows("short", each, first + number) + rows("long", each, first + number)

    planted, references = (rows("short", n, first + 90 + i, rule=False) for i, n in enumerate((8, 500)))
    return World(lot(0, count), lot(1, 40), lot(2, 60), lot(3, 60), lot(4, 30), Canaries(planted, references))


def make_model(seed: int) -> Any:
    """Return a random tiny Llama."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tilth.training.model import attention
    from tilth.training.model.base import choose_attention

    torch.manual_seed(seed)
    attention.register()
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=48,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=64,
    )
    model = LlamaForCausalLM(config)
    choose_attention(model)
    return model


def watch(world: World, seed: int, past: Any = None) -> Any:
    """Train on a world for STEPS steps, rows in turn, and return what was learned (run.learning.Learning)."""
    import torch

    from tilth.training.model.loss import score, token_losses
    from tilth.training.monitors.observations import Past
    from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
    from tilth.training.rows.pack import pack
    from tilth.training.run.learning import Learning, Watched

    recipe = TrainingRecipe(
        base="none",
        batch_tokens=STEP_ROWS * (PROMPT + (SHORT + LONG) // 2),
        pack_tokens=PACK_TOKENS,
        rate=RATE,
        method="full",
        mixture=False,
        early_stop=False,
    )
    watched = Watched(
        world.train,
        world.twin,
        world.feedback,
        world.base,
        canaries=world.canaries,
        past=past or Past(),
    )
    evaluation = EvaluationRecipe(share=1.0, every=0.125, max_rows_per_slice=60)
    learning = Learning(watched, recipe, evaluation, seed=seed, total_steps=STEPS)
    model = make_model(seed)
    shuffled = np.random.default_rng(seed).permutation(len(world.train))
    order = world.order or [world.train[i] for i in shuffled]
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE)
    untuned = score(model, world.promotion, PACK_TOKENS)
    planted = list(world.canaries.planted) if world.canaries else []
    for step in range(STEPS + 1):
        if learning.due(step):
            learning.evaluate(model, step, step * recipe.batch_tokens)
        if step == STEPS:
            break
        model.train()
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / STEPS)
        chosen = [order[(step * STEP_ROWS + i) % len(order)] for i in range(STEP_ROWS)]
        for batch in pack(chosen, PACK_TOKENS):
            losses = token_losses(model, batch, statistics=True)
            (losses.nll.sum() / batch.label_count).backward()
            learning.add_step(batch, losses)
        for batch in pack(planted[step : step + 1], PACK_TOKENS) if step < len(planted) else []:
            (token_losses(model, batch, statistics=False).nll.sum() / 200).backward()
        optimizer.step()
        optimizer.zero_grad()
    learning.finish(model, _gained(untuned, score(model, world.promotion, PACK_TOKENS)))
    return learning


def _gained(untuned: Any, tuned: Any) -> Any:
    from tilth.training.evaluation.intervals import clustered_mean

    return clustered_mean(((tuned["nll_sum"] - untuned["nll_sum"]) / tuned["n_tokens"]).to_numpy())
