"""How long the steps of a run take, from a few batches: on the model itself, or on a random piece of its shape."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tilth.training import attention
from tilth.training.device import Device
from tilth.training.loss import causal_model, label_losses, token_losses
from tilth.training.model import attach, load_config
from tilth.training.pack import Batch, pack
from tilth.training.recipe import TrainingRecipe
from tilth.training.text import Example

TIMED_BATCHES = 2
STACK_LAYERS = 2  # of the base's shape; two, for families whose layers alternate
HEAD_WEIGHTS = 1 << 25  # of the output matrix that are timed: 128 MiB
STACK_FLOP = 4e11  # for one batch through the stack: seconds on a small machine


def measured_seconds(model: Any, examples: list[Example], recipe: TrainingRecipe, tokens: float) -> float:
    """Return the time `tokens` will take, from timed batches; gradients are cleared again."""
    batches = _fullest(examples, recipe.pack_tokens)

    def through(batch: Batch) -> None:
        token_losses(model, batch.to(model.device), statistics=True).nll.mean().backward()

    runs: list[Callable[[], None]] = [partial(through, batch) for batch in batches]
    seconds = sum(_timed(runs, model.device))
    model.zero_grad(set_to_none=True)
    timed = batches[1:] or batches
    return seconds / sum(len(batch.input_ids) for batch in timed) * tokens


def expected_seconds(
    recipe: TrainingRecipe,
    base: Path,
    device: Device,
    examples: list[Example],
    tokens: float,
    *,
    recompute: bool = False,
) -> float | None:
    """Return the time `tokens` will take without reading a weight; None where the base's shape cannot be cut.

    Two random layers and a slice of the output matrix are timed on real batches and scaled up to the base.
    Optimizer, clipping and evaluation are not in it.
    """
    config = load_config(base)
    layers, vocabulary = (
        getattr(config.get_text_config(), key) for key in ("num_hidden_layers", "vocab_size")
    )
    try:
        model = _stack(config, recipe, device, recompute)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError):
        return None
    causal = causal_model(model)
    head = causal.get_output_embeddings().weight
    own = sum(p.numel() for p in causal.base_model.parameters())
    short = max(256, min(recipe.pack_tokens, int(STACK_FLOP / (6 * own))))
    shortened = [_within(example, head.shape[0]) for example in examples]
    stack_s = measured_seconds(model, shortened, recipe.model_copy(update={"pack_tokens": short}), 1.0)
    share = sum(int(e.is_label.sum()) for e in examples) / sum(len(e.input_ids) for e in examples)
    head_s = _head_seconds(causal, head, max(1, round(short * share)), short)
    per_layer = max(0.0, stack_s - head_s) / causal.config.get_text_config().num_hidden_layers
    return tokens * (layers * per_layer + head_s * vocabulary / head.shape[0])


def _head_seconds(causal: Any, head: torch.nn.Parameter, labels: int, tokens: int) -> float:
    """Return the time per token of a batch that its logits and their gradients take."""
    hidden = torch.randn(labels, head.shape[1], device=head.device, dtype=head.dtype, requires_grad=True)
    targets = torch.zeros(labels, dtype=torch.int64, device=head.device)

    def through() -> None:
        label_losses(causal, hidden, targets, statistics=True)[0].mean().backward()

    return sum(_timed([through] * (TIMED_BATCHES + 1), head.device)) / (TIMED_BATCHES * tokens)


def _stack(config: Any, recipe: TrainingRecipe, device: Device, recompute: bool) -> Any:
    """Return random layers of a base's shape, made trainable as the recipe says, on the device of the run."""
    from transformers import AutoModelForCausalLM

    attention.register()
    config = copy.deepcopy(config)
    text = config.get_text_config()
    text.num_hidden_layers = min(STACK_LAYERS, text.num_hidden_layers)
    if getattr(text, "layer_types", None):
        text.layer_types = text.layer_types[: text.num_hidden_layers]
    text.vocab_size = max(16, min(text.vocab_size, HEAD_WEIGHTS // text.hidden_size))
    text.pad_token_id = text.bos_token_id = text.eos_token_id = None
    dtype = device.dtype if recipe.method == "lora" else torch.float32
    with torch.device(device.device):
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    model.set_attn_implementation(attention.NAME)
    return attach(model, recipe.model_copy(update={"freeze_layers": 0}), 0, recompute=recompute)


def _within(example: Example, vocabulary: int) -> Example:
    return replace(example, input_ids=(example.input_ids % vocabulary).astype(np.int32))


def _fullest(examples: list[Example], pack_tokens: int) -> list[Batch]:
    """Return the fullest batches of the first examples, one more than is timed."""
    batches = pack(examples[: 4 * TIMED_BATCHES * max(1, pack_tokens // 32)], pack_tokens)
    return sorted(batches, key=lambda batch: -len(batch.input_ids))[: TIMED_BATCHES + 1]


def _timed(runs: list[Callable[[], None]], device: torch.device) -> list[float]:
    """Return the wall seconds of every run but the first, which warms up; of the only one if there is no other."""
    seconds = []
    for run in runs:
        _settle(device)
        started = time.perf_counter()
        run()
        _settle(device)
        seconds.append(time.perf_counter() - started)
    return seconds[1:] or seconds


def _settle(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize()
