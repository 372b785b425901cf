"""Tokens that a base never learned are named where adapters would leave them so."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests import tiny
from tilth.training.model.new_tokens import untrained_tokens

NEW = ["<ORDER>", "</ORDER>"]


@pytest.mark.parametrize("how", ["mean", "zero", "trained"])
def test_tokens_at_the_mean_or_at_zero_are_named(tmp_path: Path, how: str) -> None:
    model, tokenizer = tiny.make_model(), tiny.make_tokenizer()
    tokenizer.add_tokens(NEW, special_tokens=True)
    ids = tokenizer.convert_tokens_to_ids(NEW)
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    weight = model.get_input_embeddings().weight
    with torch.no_grad():
        for i in ids if how != "trained" else ():
            weight[i] = weight[: tiny.VOCABULARY].mean(0) if how == "mean" else 0.0
    model.save_pretrained(tmp_path)
    assert untrained_tokens(tmp_path, tokenizer, [5, *ids]) == ([] if how == "trained" else NEW)
    assert untrained_tokens(tmp_path, tokenizer, [5]) == []
