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
    layers = layers_of(model)
    if recipe.freeze_layers >= len(layers) - 1:
        raise TrainingError(
            "training.freeze_layers",
            f"{recipe.freeze_layers} of {len(layers) - 1} layers would be frozen",
            "Nothing would be trained",
            f"freeze at most {len(layers) - 2}",
        )
    for parameter in (p for layer in layers[: recipe.freeze_layers + 1] for p in layer):
        parameter.requires_grad_(False)


def groups_of(model: Any, groups: int) -> list[Parameters]:
    """Return what is trained in `groups` runs of neighbouring layers of about equal number, from the top down."""
    layers = [[p for p in layer if p.requires_grad] for layer in layers_of(model)]
    layers = [layer for layer in layers if layer][::-1]
    count = min(groups, len(layers))
    bounds = [round(i * len(layers) / count) for i in range(count + 1)]
    return [[p for layer in layers[a:b] for p in layer] for a, b in pairwise(bounds)]
