"""Activation checkpointing: keep a layer's input alone, and compute the layer again on the way back.

It costs a further forward pass, a third of a step's arithmetic for adapters, a quarter for all weights, and is
chosen only where the activations would not fit (Chen et al., arXiv 1604.06174).
"""

from __future__ import annotations

from typing import Any

from tilth.shards.errors import TrainingError
from tilth.training.model.loss import causal_model


def recompute_layers(model: Any) -> None:
    """Let every layer of a model be computed again in the backward pass, while it is in training mode.

    Without re-entrance: else frozen embeddings would cut the gradient off from the adapters above them.
    Raises TrainingError for a family that transformers cannot checkpoint.
    """
    try:
        causal_model(model).activation_checkpointing_enable({"use_reentrant": False})
    except ValueError as error:
        raise TrainingError(
            "training.recompute",
            f"transformers cannot recompute the layers of {type(causal_model(model)).__name__}",
            "Its activations have to be kept",
            "say recompute: off, and lower training.pack_tokens if memory is short",
        ) from error
