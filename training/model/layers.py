"""The layers of a base, told by the names of its parameters: to freeze the lower, to open them by groups."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

import torch

from tilth.shards.errors import TrainingError
from tilth.training.recipe import TrainingRecipe

# model.layers.3.…, transformer.h.3.…, gpt_neox.layers.3.…, model.decoder.blocks.3.…
LAYER = re.compile(r"(?:^|\.)(?:layers|h|blocks)\.(\d+)\.")
EMBEDDING = re.compile(r"embed|wpe|wte")  # of tokens, of positions
Parameters = list[torch.nn.Parameter]


def layers_of(model: Any) -> list[Parameters]:
    """Return the parameters layer by layer: the embeddings first, what stands above the last layer with it.

    Raises TrainingError where the names of the parameters tell no layers.
    """
    found: dict[int, Parameters] = {}
    outside: list[tuple[str, torch.nn.Parameter]] = []
    for name, parameter in model.named_parameters():
        layer = LAYER.search(name)
        if layer:
            found.setdefault(int(layer[1]), []).append(parameter)
        else:
            outside.append((name, parameter))
    if not found:
        raise TrainingError(
            "training",
            "the base names no layers",
            "They cannot be frozen one by one",
            "use method: full or lora",
        )
    head = model.get_output_embeddings().weight
    embedded = {id(p) for p in model.get_input_embeddings().parameters()}
    is_bottom = [id(p) in embedded or (EMBEDDING.search(name) and p is not head) for name, p in outside]
    bottom = [p for (_, p), below in zip(outside, is_bottom, strict=True) if below]
    top = [p for (_, p), below in zip(outside, is_bottom, strict=True) if not below]
    middle = [found[index] for index in sorted(found)]
    return [bottom, *middle[:-1], middle[-1] + top]


def freeze(model: Any, recipe: TrainingRecipe) -> None:
    """Freeze the embeddings and the lowest `freeze_layers` layers. Raises TrainingError if nothing is left."""
    if not recipe.freeze_layers:
        return
    require_left(model, recipe.freeze_layers)
    for parameter in (p for layer in layers_of(model)[: recipe.freeze_layers + 1] for p in layer):
        parameter.requires_grad_(False)


def require_left(model: Any, frozen: int) -> None:
    """Raise TrainingError if no layer is left to train above the lowest `frozen`."""
    if frozen and frozen >= (count := len(layers_of(model)) - 1):
        raise TrainingError(
            "training.freeze_layers",
            f"{frozen} of {count} layers would be frozen",
            "Nothing would be trained",
            f"freeze at most {count - 1}",
        )


def lowest(count: int) -> str | None:
    """Return a pattern that the names of the modules of the lowest `count` layers match whole; None for none."""
    numbers = "|".join(str(index) for index in range(count))
    return rf"(?:.*\.)?(?:layers|h|blocks)\.(?:{numbers})\..*" if count else None


def groups_of(model: Any, groups: int) -> list[Parameters]:
    """Return what is trained in `groups` runs of neighbouring layers of about equal number, from the top down."""
    layers = [[p for p in layer if p.requires_grad] for layer in layers_of(model)]
    layers = [layer for layer in layers if layer][::-1]
    count = min(groups, len(layers))
    bounds = [round(i * len(layers) / count) for i in range(count + 1)]
    return [[p for layer in layers[a:b] for p in layer] for a, b in pairwise(bounds)]
