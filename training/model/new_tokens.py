"""Added tokens of which a base learned nothing: adapters leave the embedding as it is, so no run teaches them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

SAMPLED_ROWS = 512
NEAR = (
    0.05  # of the median distance from the mean: rows made by resizing lie at the mean, unused ones at zero
)
EMBEDDINGS = ("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight")


def untrained_tokens(base: Path, tokenizer: Any, used: Iterable[int]) -> list[str]:
    """Return the added tokens among `used` ids whose embeddings are those of no training: near the mean, or zero.

    Rows that were drawn at random cannot be told from trained ones. Empty where the embedding is not found.
    """
    added = sorted(set(used) & set(tokenizer.added_tokens_decoder))
    for file in sorted(base.glob("*.safetensors")) if added else ():
        with safe_open(file, framework="pt") as weights:
            name = next((key for key in weights.keys() if key.endswith(EMBEDDINGS)), None)  # noqa: SIM118
            if name is not None:
                return [tokenizer.convert_ids_to_tokens(i) for i in _unlike(weights.get_slice(name), added)]
    return []


def _unlike(rows: Any, added: list[int]) -> list[int]:
    """Return which of the rows lie at the mean of a sample of all, or at zero."""
    count = rows.get_shape()[0]
    step = max(1, count // SAMPLED_ROWS)
    sample = torch.stack([rows[i : i + 1][0].float() for i in range(0, count, step)])
    mean = sample.mean(0)
    usual, length = (sample - mean).norm(dim=1).median(), sample.norm(dim=1).median()
    found = []
    for i in (i for i in added if i < count):
        row = rows[i : i + 1][0].float()
        if (row - mean).norm() < NEAR * usual or row.norm() < NEAR * length:
            found.append(i)
    return found
