"""How many bytes a run needs, from a forward pass over shapes that hold no data."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from tilth.training.lora import adapt
from tilth.training.loss import CHUNK_LOGITS, MIN_CHUNK_TOKENS, causal_model
from tilth.training.model import load_config
from tilth.training.recipe import TrainingRecipe
from tilth.training.text import Example
from tilth.training.unfreeze import freeze

LOGIT_COPIES = 3  # logits, the logarithm of their softmax, its gradient
ATTENTION = "planned"
NF4_BYTES = 0.5 + 1 / 64 + 4 / (64 * 256)  # 4 bits, an 8-bit scale per 64 weights, a float per 256 scales


def memory(
    recipe: TrainingRecipe, base: Path, dtype: torch.dtype, examples: list[Example]
) -> tuple[int, int, dict[str, int]]:
    """Return (parameters, trained parameters, bytes by purpose) from a forward pass that holds no data."""
    model = _skeleton(recipe, base, dtype)
    own = list(model.parameters())
    trainable = sum(p.numel() for p in own if p.requires_grad)
    longest = max((len(example.input_ids) for example in examples), default=1)
    tokens = max(recipe.pack_tokens, longest)
    share = sum(int(e.is_label.sum()) for e in examples) / max(1, sum(len(e.input_ids) for e in examples))
    vocabulary = load_config(base).get_text_config().vocab_size
    at_once = min(math.ceil(tokens * share), max(MIN_CHUNK_TOKENS, CHUNK_LOGITS // vocabulary))
    return (
        sum(p.numel() for p in own),
        trainable,
        {
            "weights": _weight_bytes(model, recipe),
            "gradients": 4 * trainable,
            "optimizer": 8 * trainable,
            "best weights": 4 * trainable,
            "base to hold to": _anchors(recipe, own, trainable),
            "activations": _saved_bytes(model, tokens),
            "logits": LOGIT_COPIES * 4 * at_once * vocabulary,
        },
    )


def _anchors(recipe: TrainingRecipe, own: list[torch.nn.Parameter], trainable: int) -> int:
    """Return the bytes of what a model is held to: a frozen base (kl), where its weights started (l2_sp)."""
    copied = recipe.retention.kl > 0 and recipe.method != "lora"
    base = sum(p.numel() * p.element_size() for p in own) if copied else 0
    return base + (4 * trainable if recipe.retention.l2_sp else 0)


def _weight_bytes(model: Any, recipe: TrainingRecipe) -> int:
    """Return the bytes of all weights; in NF4 those of the frozen linear layers but the output's."""
    short: set[int] = set()
    if recipe.method == "lora" and recipe.lora.bits == 4:
        head = causal_model(model).get_output_embeddings()
        linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear) and m is not head]
        short = {id(m.weight) for m in linear if not m.weight.requires_grad}
    sizes = (p.numel() * (NF4_BYTES if id(p) in short else p.element_size()) for p in model.parameters())
    return round(sum(sizes))


def _skeleton(recipe: TrainingRecipe, base: Path, dtype: torch.dtype) -> Any:
    """Return the model to be trained, as shapes only."""
    from transformers import AttentionInterface, AutoModelForCausalLM

    AttentionInterface.register(ATTENTION, _planned_attention)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(load_config(base), dtype=dtype)
    with suppress(ValueError, NotImplementedError):  # else counted with the attention it has
        model.set_attn_implementation(ATTENTION)
    if recipe.method == "lora":
        model = adapt(model, recipe)
    else:
        freeze(model, recipe)
    return model.train()


def _saved_bytes(model: Any, tokens: int) -> int:
    """Return the bytes a forward pass over one batch keeps for the backward pass."""
    weights = {id(parameter) for parameter in model.parameters()}
    kept: dict[int, int] = {}

    def count(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if id(tensor) not in weights and not isinstance(tensor, torch.nn.Parameter):
            kept[storage._cdata] = storage.nbytes()
        return tensor

    causal = model.get_base_model() if hasattr(model, "get_base_model") else model
    ids = torch.zeros(1, tokens, dtype=torch.int64, device="meta")
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        causal.base_model(input_ids=ids, use_cache=False)
    return sum(kept.values())


class _KeepOnly(torch.autograd.Function):
    """What a fused attention keeps: its inputs, its output and one number per row and head."""

    @staticmethod
    def forward(ctx: Any, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        out = query.new_empty((*query.shape[:-1], value.shape[-1]))
        ctx.save_for_backward(query, key, value, out, query.new_empty(query.shape[:-1], dtype=torch.float32))
        return out

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return ctx.saved_tensors[:3]


def _planned_attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, *args: Any, **kwargs: Any
) -> tuple[Tensor, None]:
    return _KeepOnly.apply(query, key, value).transpose(1, 2), None
