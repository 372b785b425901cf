"""Weights of 32 bits that compute in 16: what trains every weight on a card."""

from __future__ import annotations

from types import MethodType
from typing import Any

import torch


def compute_in(model: Any, dtype: torch.dtype) -> None:
    """Let the layers and the output of a model with 32-bit weights multiply in `dtype`.

    Weights, their gradients and what torch's autocast holds to be delicate (norms, softmax, losses) keep 32 bits.
    A model whose weights are of that type already is left as it is.
    """
    if model.dtype == dtype:
        return
    for module in (model.base_model, model.get_output_embeddings()):
        module.forward = MethodType(_autocast(dtype), module)


def _autocast(dtype: torch.dtype) -> Any:
    def forward(module: Any, *args: Any, **kwargs: Any) -> Any:
        with torch.autocast(next(module.parameters()).device.type, dtype):
            return type(module).forward(module, *args, **kwargs)

    return forward
