"""Arithmetic in 16 bits: on CPUs that have units for it, and where 32-bit weights are trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import tiny
from tilth.shards.errors import TrainingError
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.export import export
from tilth.training.hardware import device
from tilth.training.hardware.device import Device, choose_device, weights_dtype
from tilth.training.methods.method import attach, method_of, registry
from tilth.training.model.base import choose_attention
from tilth.training.model.lora import load_adapter
from tilth.training.model.loss import hidden_states, token_losses
from tilth.training.model.mixed import compute_in
from tilth.training.plan.footprint import memory
from tilth.training.plan.plan import Plan
from tilth.training.plan.request import Request
from tilth.training.recipe import TrainingRecipe
from tilth.training.rows.pack import collate, filled, pack
from tilth.training.rows.text import Example
from tilth.training.train import train

SHORT = torch.bfloat16


@pytest.fixture
def matrix_units(monkeypatch: pytest.MonkeyPatch) -> None:
    """A CPU that has them, and bases however small that gain from them."""
    monkeypatch.setattr(device, "_has_matrix_units", lambda: True)
    monkeypatch.setattr(device, "MIN_WIDTH_16", 32)


def gradient(model: Any, rows: list[Example]) -> torch.Tensor:
    model.zero_grad()
    token_losses(model, collate(rows), statistics=False).nll.mean().backward()
    return torch.cat([p.grad.flatten() for p in model.parameters()])


@pytest.mark.parametrize(
    ("units", "width", "method", "precision", "wanted"),
    [
        (True, 256, "lora", "auto", torch.bfloat16),
        (True, 254, "lora", "auto", torch.float32),
        (True, 256, "full", "auto", torch.float32),
        (True, 256, "lora", "float32", torch.float32),
        (False, 256, "lora", "auto", torch.float32),
    ],
)
def test_a_cpu_computes_in_16_bits_where_it_gains(
    monkeypatch: pytest.MonkeyPatch,
    units: bool,
    width: int,
    method: str,
    precision: str,
    wanted: torch.dtype,
) -> None:
    monkeypatch.setattr(device, "_has_matrix_units", lambda: units)
    config = tiny.make_config(hidden_size=width, num_attention_heads=1, num_key_value_heads=1)
    found = choose_device("cpu").suited(
        config, frozen_base=registry()[method].frozen_base, precision=precision
    )
    assert found.dtype == weights_dtype(found, frozen_base=True) == wanted
    assert str(wanted).removeprefix("torch.") in found.line()


def test_a_card_trains_32_bit_weights_in_16_unless_told_otherwise() -> None:
    card = Device(torch.device("cuda", 0), SHORT, 1, 1)
    config = tiny.make_config()
    assert card.suited(config, frozen_base=False, precision="auto").dtype == SHORT
    assert weights_dtype(card, frozen_base=False) == torch.float32
    assert card.suited(config, frozen_base=False, precision="float32").dtype == torch.float32


def test_the_plan_counts_32_bit_weights_and_their_copies(
    recipe: TrainingRecipe, make_examples: Callable[..., list[Example]]
) -> None:
    card, full = Device(torch.device("cuda", 0), SHORT, 1, 1), recipe.model_copy(update={"method": "full"})
    parameters, _, sizes = memory(full, Path(recipe.base), card, make_examples(4))
    assert sizes["weights"] == (4 + 2) * parameters


def test_32_bit_weights_compute_in_16(make_examples: Callable[..., list[Example]]) -> None:
    rows = make_examples(12)
    exact, mixed = tiny.make_model(), tiny.make_model()
    compute_in(mixed, SHORT)
    assert choose_attention(exact) and choose_attention(mixed, SHORT)  # packed in both
    assert not computes_exactly(mixed)
    wanted, found = gradient(exact, rows), gradient(mixed, rows)
    assert found.dtype == torch.float32 and {p.dtype for p in mixed.parameters()} == {torch.float32}
    apart = float((found - wanted).norm() / wanted.norm())
    assert 1e-5 < apart < 2e-2, apart  # rounded, and no more than that


def computes_exactly(model: Any) -> bool:
    """Whether the logits of a model equal those of the same weights in 32 bits."""
    ids = torch.arange(20)[None]
    with torch.no_grad():
        return torch.equal(model(input_ids=ids).logits.float(), tiny.make_model()(input_ids=ids).logits)


def test_weights_of_that_type_are_left_alone() -> None:
    model = tiny.make_model().to(SHORT)
    compute_in(model, SHORT)
    assert "forward" not in vars(model.base_model)


def test_filled_packs_compute_the_same(make_examples: Callable[..., list[Example]]) -> None:
    model = tiny.make_model()
    choose_attention(model)
    for batch in pack(make_examples(20), 150):
        full = filled(batch, 64)
        assert len(full.input_ids) % 64 == 0 and sum(full.lengths) == len(full.input_ids)
        assert full.label_count == batch.label_count == int((full.targets >= 0).sum())
        with torch.no_grad():
            wanted, found = hidden_states(model, batch), hidden_states(model, full)
        assert torch.allclose(found[: len(wanted)], wanted, atol=1e-6)
        assert filled(full, 64) is full


@pytest.mark.parametrize("lost", [False, True])
def test_files_of_a_16_bit_run_may_round_otherwise_but_lose_nothing(
    recipe: TrainingRecipe,
    make_examples: Callable[..., list[Example]],
    tmp_path: Path,
    lost: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows, base = make_examples(4), tmp_path / "base"
    model = tiny.make_model()
    with torch.no_grad():
        model.get_input_embeddings().weight.mul_(30)  # else no token is more likely than another
    model.save_pretrained(base)
    model.to(SHORT)
    choose_attention(model)
    tuned = attach(model, recipe, 0)
    for name, weight in tuned.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=3.0)
    again = load_adapter
    if lost:
        monkeypatch.setattr(export, "load_adapter", lambda loaded, folder: zeroed(again(loaded, folder)))
        with pytest.raises(TrainingError, match="differs from the trained one"):
            export.export(method_of(recipe), tuned, tiny.make_tokenizer(), tmp_path / "a", base, rows, None)
    else:
        export.export(method_of(recipe), tuned, tiny.make_tokenizer(), tmp_path / "a", base, rows, None)


def zeroed(model: Any) -> Any:
    """Return an adapted model whose adapter adds nothing."""
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.zero_()
    return model


@pytest.mark.usefixtures("matrix_units")
def test_a_run_in_16_bits_on_a_cpu_learns_and_its_files_compute_what_it_trained(
    store: Store, version: Version, recipe: TrainingRecipe, tmp_path: Path
) -> None:
    plans: list[Plan] = []
    given: dict[str, Any] = {"base_dir": tmp_path, "recipe_digest": "r" * 64}
    short = recipe.model_copy(update={"reload": True})
    exact = recipe.model_copy(update={"precision": "float32"})
    found = train(Request(version, short, **given), store, on_plan=plans.append)
    wanted = train(
        Request(version, exact, **given | {"recipe_digest": "e" * 64}), store, on_plan=plans.append
    )
    assert [p.device.split(", ")[1] for p in plans] == ["bfloat16", "float32"]
    assert plans[0].bytes["weights"] < 0.8 * plans[1].bytes["weights"]
    assert found.tuned.loss < found.base.loss
    assert found.tuned.loss == pytest.approx(wanted.tuned.loss, rel=0.02)
    facts = json.loads((found.run_dir / "report.json").read_text())
    assert "bfloat16" in json.dumps(facts)
