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

from tilth.training.hardware.device import Device, weights_dtype
from tilth.training.hardware.lanes import Lanes
from tilth.training.methods.method import attach, method_of
from tilth.training.model import attention
from tilth.training.model.base import load_config
from tilth.training.model.loss import causal_model, label_losses, token_losses
from tilth.training.model.mixed import compute_in
from tilth.training.recipe import TrainingRecipe
from tilth.training.rows.pack import Batch, pack
from tilth.training.rows.text import Example

TIMED_BATCHES = 2
STACK_LAYERS = 2  # of the base's shape; two, for families whose layers alternate
HEAD_WEIGHTS = 1 << 25  # of the output matrix that are timed: 128 MiB
STACK_FLOP = 4e11  # for one batch through the stack: seconds on a small machine


def measured_seconds(
    model: Any, examples: list[Example], recipe: TrainingRecipe, tokens: float, *, lanes: int = 1
) -> float:
    """Return the time `tokens` will take, from timed batches, `lanes` of them at once; no gradient is left."""
    rounds = _fullest(examples, recipe.pack_tokens // lanes, lanes)
    side_by_side = Lanes(lanes)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]

    def through(batch: Batch) -> None:
        loss = token_losses(model, batch.to(model.device), statistics=True).nll.mean()
        torch.autograd.grad(loss, trained, allow_unused=True)

    def together(batches: list[Batch]) -> None:
        list(side_by_side.map(through, batches))

    runs: list[Callable[[], None]] = [partial(together, batches) for batches in rounds]
    seconds = sum(_timed(runs, model.device))
    timed = rounds[1:] or rounds
    return seconds / sum(len(batch.input_ids) for batches in timed for batch in batches) * tokens


def expected_seconds(
    recipe: TrainingRecipe,
    base: Path,
    device: Device,
    examples: list[Example],
    tokens: float,
    *,
    recompute: bool = False,
    lanes: int = 1,
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
    short = max(256, min(recipe.pack_tokens // lanes, int(STACK_FLOP / (6 * own))))
    shortened = [_within(example, head.shape[0]) for example in examples]
    shorter = recipe.model_copy(update={"pack_tokens": short * lanes})
    stack_s = measured_seconds(model, shortened, shorter, 1.0, lanes=lanes)
    share = sum(int(e.is_label.sum()) for e in examples) / sum(len(e.input_ids) for e in examples)
    head_s = _head_seconds(causal, head, max(1, round(short * share)), short, lanes)
    per_layer = max(0.0, stack_s - head_s) / causal.config.get_text_config().num_hidden_layers
    frozen = min(recipe.freeze_layers, layers - 1) if recipe.keep_states_mib else 0
    once = min(tokens, sum(len(e.input_ids) for e in examples)) / method_of(recipe).forwards_per_step
    return (
        tokens * ((layers - frozen) * per_layer + head_s * vocabulary / head.shape[0])
        + once * frozen * per_layer
    )


def _head_seconds(causal: Any, head: torch.nn.Parameter, labels: int, tokens: int, lanes: int) -> float:
    """Return the time per token of a batch that its logits and their gradients take."""
    side_by_side = Lanes(lanes)
    hidden = torch.randn(labels, head.shape[1], device=head.device, dtype=head.dtype, requires_grad=True)
    targets = torch.zeros(labels, dtype=torch.int64, device=head.device)

    def through(states: torch.Tensor) -> None:
        torch.autograd.grad(label_losses(causal, states, targets, statistics=True)[0].mean(), states)

    def together() -> None:
        list(side_by_side.map(through, [hidden] * lanes))

    return sum(_timed([together] * (TIMED_BATCHES + 1), head.device)) / (TIMED_BATCHES * tokens * lanes)


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
    with torch.device(device.device):
        dtype = weights_dtype(device, frozen_base=method_of(recipe).frozen_base)
        model = AutoModelForCausalLM.from_config(config, dtype=dtype)
    compute_in(model, device.dtype)
    model.set_attn_implementation(attention.NAME)
    return attach(model, recipe.model_copy(update={"freeze_layers": 0}), 0, recompute=recompute)


def _within(example: Example, vocabulary: int) -> Example:
    return replace(example, input_ids=(example.input_ids % vocabulary).astype(np.int32))


def _fullest(examples: list[Example], pack_tokens: int, lanes: int) -> list[list[Batch]]:
    """Return rounds of the fullest batches of the first examples, `lanes` in each, one round more than is timed."""
    batches = pack(examples[: 4 * TIMED_BATCHES * lanes * max(1, pack_tokens // 32)], pack_tokens)
    batches = sorted(batches, key=lambda batch: -len(batch.input_ids))[: (TIMED_BATCHES + 1) * lanes]
    return [batches[first : first + lanes] for first in range(0, len(batches), lanes)]


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
