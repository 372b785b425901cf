"""The tuned model as files that a server loads, read back before anyone relies on them."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import torch

from tilth.shards.atomic import write_file
from tilth.shards.digest import canonical_json
from tilth.shards.errors import TrainingError
from tilth.training.methods.method import Method
from tilth.training.model.base import load_model
from tilth.training.model.lora import load_adapter
from tilth.training.model.loss import score
from tilth.training.rows.text import Example

SMOKE_EXAMPLES = 4
# Nat per token between the model in memory and the files. In 16 bits peft's own adapter rounds otherwise than ours:
# .0037 was seen on the demo base; files that lost weights are far above either.
MAX_DRIFT, MAX_DRIFT_16 = 1e-3, 3e-2


def export(
    method: Method,
    model: Any,
    tokenizer: Any,
    folder: Path,
    base: Path,
    examples: list[Example],
    template: str | None,
) -> Path:
    """Write an adapter or the whole model as the method saves it, with the tokenizer and template used.

    The files are loaded again and must give the loss of the model in memory. Raises TrainingError otherwise.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    method.save(model, folder)
    save_beside(model, tokenizer, folder, template)
    _check(model, folder, base, examples[:SMOKE_EXAMPLES])
    return folder


def save_beside(model: Any, tokenizer: Any, folder: Path, template: str | None) -> None:
    """Write what a server needs beside weights: tokenizer, chat template, and the ids that end an answer."""
    tokenizer.save_pretrained(folder)
    if template is not None:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    settings = model.generation_config.to_diff_dict()
    write_file(folder / "generation_config.json", canonical_json(settings))


@torch.no_grad()
def _check(model: Any, folder: Path, base: Path, examples: list[Example]) -> None:
    is_adapter = hasattr(model, "get_base_model")
    causal = model.get_base_model() if is_adapter else model
    again = load_model(base if is_adapter else folder, dtype=causal.dtype).to(causal.device)
    if is_adapter:
        again = load_adapter(again, folder)
    (again.get_base_model() if is_adapter else again).set_attn_implementation(
        causal.config._attn_implementation
    )
    tokens = sum(int(example.is_label.sum()) for example in examples)
    held, read = (float(score(m, examples, 1)["nll_sum"].sum()) for m in (model, again))
    drift = abs(held - read) / max(1, tokens)
    if not drift <= (MAX_DRIFT_16 if causal.dtype.itemsize == 2 else MAX_DRIFT):
        raise TrainingError(
            str(folder),
            f"the saved model differs from the trained one by {drift:.2g} nat per token",
            "Serving would not be what was measured",
            "Run it again; if it happens twice, report it with the name of the base",
        )
