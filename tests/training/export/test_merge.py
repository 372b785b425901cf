"""R16: merged weights are kept only if the files compute what the adapter computes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from tests import tiny
from tilth.training.export.merge import MAX_KL, divergence, merge, merged_model
from tilth.training.model.base import choose_attention, load_model
from tilth.training.model.lora import adapt
from tilth.training.recipe import LoraRecipe
from tilth.training.rows.text import Example


def base_in(folder: Path, dtype: torch.dtype, scale: float = 1.0) -> Path:
    """Write the tiny base in a type, its linear weights scaled; large embeddings make it prefer some tokens."""
    model = tiny.make_model()
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(30)
        for name, weight in model.named_parameters():
            if name.endswith("_proj.weight"):
                weight.mul_(scale)
    model.to(dtype).save_pretrained(folder)
    tiny.make_tokenizer().save_pretrained(folder)
    return folder


def tuned(base: Path, size: float, **lora: Any) -> Any:
    """Return the base in 32 bits with an adapter whose update is about `size` of each weight's norm."""
    model = load_model(base)
    choose_attention(model)
    recipe = tiny.make_recipe(base).model_copy(update={"lora": LoraRecipe(rank=4, **lora)})
    adapted = adapt(model, recipe).eval()
    torch.manual_seed(1)
    with torch.no_grad():
        for layer in (m for m in adapted.modules() if hasattr(m, "lora_B")):
            up = layer.lora_B["default"].weight
            up.normal_()
            up.mul_(size * layer.get_base_layer().weight.norm() / layer.get_delta_weight("default").norm())
    return adapted


def merged(model: Any, base: Path, folder: Path, rows: list[Example]) -> Any:
    model.save_pretrained(folder / "adapter")
    return merge(model, tiny.make_tokenizer(), folder / "adapter", base, folder / "merged", rows, None)


@pytest.mark.parametrize("variant", ["lora", "rslora", "dora"])
def test_what_survives_rounding_is_kept_in_the_type_of_the_base(
    variant: str, tmp_path: Path, make_examples: Callable[..., list[Example]]
) -> None:
    base = base_in(tmp_path / "base", torch.float32, scale=30)
    model, rows = tuned(base, 0.3, variant=variant), make_examples(8)
    reference = load_model(base)
    choose_attention(reference)
    assert divergence(model, reference, rows) > MAX_KL  # the adapter does something
    done = merged(model, base, tmp_path, rows)
    assert done.folder == tmp_path / "merged"
    assert done.kl < 1e-8
    assert not any("lora" in name for name in load_file(done.folder / "model.safetensors"))


def test_a_small_update_is_lost_in_bfloat16_and_the_files_are_not_kept(
    tmp_path: Path, make_examples: Callable[..., list[Example]]
) -> None:
    base = base_in(tmp_path / "base", torch.bfloat16, scale=60)
    model, rows = tuned(base, 2e-3), make_examples(8)
    done = merged(model, base, tmp_path, rows)
    assert done.kl > MAX_KL
    assert done.folder is None
    assert not (tmp_path / "merged").exists()
    assert "serve the adapter" in done.note


def test_merging_rounds_once_from_32_bits(tmp_path: Path) -> None:
    base = base_in(tmp_path / "base", torch.bfloat16)
    model = tuned(base, 0.3)
    model.save_pretrained(tmp_path / "adapter")
    written = merged_model(base, tmp_path / "adapter")
    assert written.dtype == torch.bfloat16
    for (name, layer), weight in zip(
        ((n, m) for n, m in model.named_modules() if hasattr(m, "lora_B")),
        (m.weight for n, m in written.named_modules() if n.endswith("_proj")),
    ):
        exact = layer.get_base_layer().weight + layer.get_delta_weight("default")
        assert torch.equal(weight, exact.to(torch.bfloat16)), name


def test_nothing_is_merged_where_memory_does_not_allow_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_examples: Callable[..., list[Example]]
) -> None:
    base = base_in(tmp_path / "base", torch.float32, scale=30)
    monkeypatch.setattr("tilth.training.export.merge.available_bytes", lambda device: 1000)
    done = merged(tuned(base, 0.3), base, tmp_path, make_examples(2))
    assert (done.folder, done.kl) == (None, None)
    assert "not merged" in done.note
