"""Texts that the base writes itself: what stands in for its knowledge where the user has no base-domain rows.

Measured on them, a tuned model can only lose: the mean rise of the loss is the divergence KL(base ‖ tuned).
They are drawn once per base, at temperature 1 from the start token, and kept in the store's cache.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tilth.shards.digest import canonical_json
from tilth.shards.sealed import read_sealed, write_sealed
from tilth.training.rows.text import Example

SLICE = "written by the base"
MAX_TOKENS = 128
BATCH_ROWS = 64


def base_samples(model: Any, tokenizer: Any, count: int, folder: Path, base_digest: str) -> list[Example]:
    """Return `count` texts of the untuned base, each an example whose every token but the first is a label.

    Kept as FOLDER/<base>-<count>.samples; what is damaged or missing is written anew.
    """
    if not count:
        return []
    kept = folder / f"{base_digest[:32]}-{count}.samples"
    ids = _read(kept, count, model.get_input_embeddings().weight.shape[0])
    if ids is None:
        ids = _sample(model, tokenizer, count)
        write_sealed(kept, canonical_json(ids))
    return [_example(row) for row in ids if len(row) > 1]


def _example(ids: list[int]) -> Example:
    tokens = np.array(ids, dtype=np.int32)
    labels = np.ones(len(tokens), dtype=bool)
    labels[0] = False
    return Example(hashlib.blake2b(tokens.tobytes(), digest_size=16).digest(), SLICE, 1.0, tokens, labels)


def _read(path: Path, count: int, vocabulary: int) -> list[list[int]] | None:
    try:
        rows = json.loads(read_sealed(path))
    except (OSError, ValueError):
        return None
    whole = isinstance(rows, list) and len(rows) == count and all(isinstance(row, list) for row in rows)
    valid = whole and all(type(i) is int and 0 <= i < vocabulary for row in rows for i in row)
    return rows if valid else None


@torch.no_grad()
def _sample(model: Any, tokenizer: Any, count: int) -> list[list[int]]:
    from transformers import GenerationConfig

    from tilth.training.evaluation.generation import stop_ids

    stops = stop_ids(model, tokenizer)
    start = tokenizer.bos_token_id if tokenizer.bos_token_id is not None else stops[0]
    length = min(MAX_TOKENS, model.config.get_text_config().max_position_embeddings)
    config = GenerationConfig(
        do_sample=True, temperature=1.0, top_k=0, top_p=1.0, max_length=length, eos_token_id=stops,
        pad_token_id=stops[0], use_cache=True,
    )  # fmt: skip
    was_training, rows = model.training, []
    model.eval()
    devices = [model.device] if model.device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(0)
        for first in range(0, count, BATCH_ROWS):
            ids = torch.full((min(BATCH_ROWS, count - first), 1), start, device=model.device)
            written = model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=config
            )
            rows += [_until_stop(row, stops) for row in written.tolist()]
    model.train(was_training)
    return rows


def _until_stop(ids: list[int], stops: list[int]) -> list[int]:
    """Return the ids through the first stop after the start."""
    end = next((i for i, token in enumerate(ids) if i and token in stops), len(ids) - 1)
    return ids[: end + 1]
