"""Adapters through peft, with a forward pass that moves less memory.

peft multiplies the full-width update by alpha / rank, adds it in a further pass, and lifts bfloat16
activations to 32 bits once per layer. Here the narrow side is scaled, the update is added by the matrix
product itself, and the arithmetic keeps the activations' type; A and B stay in 32 bits. Equal to peft's
values up to rounding; dropout and disabled or merged adapters take peft's own way.
"""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MethodType
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from tilth.shards.errors import TrainingError
from tilth.training.model import variants
from tilth.training.model.layers import lowest, require_left
from tilth.training.recipe import TrainingRecipe

ADAPTER = "default"


def adapt(model: Any, recipe: TrainingRecipe) -> Any:
    """Return the model with new adapters on every linear layer but the output, the only part that is trained.

    On the meta device no weight is decomposed: PiSSA's adapters have the shapes of LoRA's.
    """
    from peft import get_peft_model
    from peft.tuners.lora import Linear

    require_left(model, recipe.freeze_layers)
    variant = recipe.lora.variant
    shapes_only = next(model.parameters()).is_meta
    config = lora_config(recipe, initialised=not shapes_only)
    if variant == "osf":
        config = variants.osf_config(model, recipe.lora.rank)
    with _old_names():
        adapted = get_peft_model(model, config)
    if shapes_only:
        return adapted
    if variant == "dora":
        variants.give_direction(adapted)
    if variant == "pissa":
        variants.keep_start(adapted)
    layer: Any
    for layer in adapted.modules():
        plain = type(layer) is Linear and type(layer.base_layer) is torch.nn.Linear
        if plain and variant != "dora":
            layer.forward = MethodType(_forward, layer)
    return adapted


def lora_config(recipe: TrainingRecipe, *, initialised: bool = True) -> Any:
    """Return the adapter configuration of a recipe; `initialised`: from the weights, where the variant does that."""
    from peft import LoraConfig

    lora = recipe.lora
    return LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        use_rslora=lora.variant == "rslora",
        use_dora=lora.variant == "dora",
        init_lora_weights="pissa" if lora.variant == "pissa" and initialised else True,
        target_modules="all-linear",
        exclude_modules=lowest(recipe.freeze_layers),
        task_type="CAUSAL_LM",
    )


def quantisation(bits: int | None, device: torch.device) -> Any:
    """Return how transformers is to hold the frozen base: in NF4 (QLoRA) where `bits` is 4, else None.

    Raises TrainingError where 4 bits cannot be had: they need an NVIDIA card and bitsandbytes.
    """
    if bits is None:
        return None
    missing = "" if device.type == "cuda" else "this run has no NVIDIA card"
    if not missing and importlib.util.find_spec("bitsandbytes") is None:
        missing = "bitsandbytes is not installed (pip install 'tilth[4bit]')"
    if missing:
        raise TrainingError(
            "training.lora.bits", f"{missing}", "A base in 4 bits cannot be trained", "say lora: {bits: null}"
        )
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def load_adapter(model: Any, folder: Path) -> Any:
    """Return the model with the adapter saved in `folder`."""
    from peft import PeftModel

    with _old_names():
        return PeftModel.from_pretrained(model, folder)


@contextmanager
def _old_names() -> Iterator[None]:
    """Keep to itself that peft asks transformers for a property by a name that will go."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _forward(layer: Any, x: Tensor, *args: Any, **kwargs: Any) -> Tensor:
    if layer.disable_adapters or layer.merged or getattr(layer.lora_dropout[ADAPTER], "p", 0):
        return type(layer).forward(layer, x, *args, **kwargs)
    rows = x.flatten(0, -2)
    down, up = layer.lora_A[ADAPTER].weight.to(x.dtype), layer.lora_B[ADAPTER].weight.to(x.dtype)
    narrow = F.linear(rows, down) * layer.scaling[ADAPTER]
    return layer.base_layer(rows).addmm_(narrow, up.t()).unflatten(0, x.shape[:-1])
