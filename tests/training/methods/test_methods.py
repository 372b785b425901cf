"""What each method trains, and what it refuses; layers open from the top down, as a function of the step."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from transformers import GPT2Config, GPT2LMHeadModel

from tests import tiny
from tilth.shards.errors import RecipeError, TrainingError
from tilth.training.export.merge import merged_model
from tilth.training.hardware.device import choose_device
from tilth.training.methods.gradual import open_groups
from tilth.training.methods.method import attach, method_of
from tilth.training.model.base import load_model
from tilth.training.model.layers import freeze, groups_of, layers_of
from tilth.training.model.optim import optimizer_for, take_step
from tilth.training.plan.footprint import memory
from tilth.training.recipe import GradualRecipe, TrainingRecipe
from tilth.training.rows.text import Example


def names(model: Any, parameters: list[torch.nn.Parameter]) -> set[str]:
    wanted = {id(p) for p in parameters}
    return {name for name, p in model.named_parameters() if id(p) in wanted}


def test_groups_open_one_by_one_until_all_are_open() -> None:
    opened = [open_groups(step, total_steps=100, groups=4, until=0.6) for step in range(100)]
    assert opened[0] == 1 and opened == sorted(opened) and set(opened) == {1, 2, 3, 4}
    assert opened.index(4) == 60
    assert open_groups(0, total_steps=1, groups=3, until=0.5) == 1


def test_layers_are_found_from_the_embeddings_up() -> None:
    model = tiny.make_model(num_hidden_layers=4, tie_word_embeddings=False)
    layers = layers_of(model)
    assert len(layers) == 5
    assert names(model, layers[0]) == {"model.embed_tokens.weight"}
    assert {"lm_head.weight", "model.norm.weight"} <= names(model, layers[-1])
    assert sum(len(layer) for layer in layers) == len(list(model.parameters()))
    gpt = GPT2LMHeadModel(GPT2Config(n_layer=3, n_embd=16, n_head=2, vocab_size=32, n_positions=8))
    assert names(gpt, layers_of(gpt)[0]) == {"transformer.wte.weight", "transformer.wpe.weight"}


def test_groups_hold_every_trained_parameter_once() -> None:
    model = tiny.make_model(num_hidden_layers=5)
    groups = groups_of(model, 3)
    assert len(groups) == 3
    assert sorted(id(p) for g in groups for p in g) == sorted(id(p) for p in model.parameters())
    assert "model.norm.weight" in names(model, groups[0])
    assert "model.embed_tokens.weight" in names(model, groups[-1])


def test_closed_groups_keep_their_weights_and_open_ones_move() -> None:
    model = tiny.make_model(num_hidden_layers=4)
    groups = groups_of(model, 3)
    settings = GradualRecipe(groups=3, until=1.0, decay=2.0)
    method = method_of(TrainingRecipe(base="x", method="gradual", gradual=settings, weight_decay=0.1))
    optimizer = method.optimizer(model)
    assert sorted({g["scale"] for g in optimizer.param_groups}) == [0.25, 0.5, 1.0]
    before_step = method.before_step(model, total_steps=4)
    start = {name: p.detach().clone() for name, p in model.named_parameters()}
    moved = []
    for step in (0, 2):
        before_step(step)
        model(input_ids=torch.arange(9)[None], labels=torch.arange(9)[None]).loss.backward()
        take_step(optimizer, 1e-2)
        moved.append({n for n, p in model.named_parameters() if not torch.equal(p, start[n])})
    assert moved[0] == names(model, groups[0])
    assert moved[1] == names(model, groups[0]) | names(model, groups[1])


def test_freezing_leaves_the_layers_above() -> None:
    model = tiny.make_model(num_hidden_layers=4)
    freeze(model, TrainingRecipe(base="x", method="full", freeze_layers=2))
    trained = {name for name, p in model.named_parameters() if p.requires_grad}
    assert {n.split(".")[2] for n in trained if ".layers." in n} == {"2", "3"}
    assert "model.embed_tokens.weight" not in trained and "model.norm.weight" in trained
    with pytest.raises(TrainingError, match="freeze at most 3"):
        freeze(tiny.make_model(num_hidden_layers=4), TrainingRecipe(base="x", method="full", freeze_layers=4))


@pytest.mark.parametrize("variant", ["lora", "rslora", "dora", "pissa", "osf"])
def test_each_variant_of_lora_starts_at_the_base_and_learns(variant: Any, base_path: Path) -> None:
    recipe = tiny.make_recipe(base_path, lora={"rank": 4, "alpha": 8, "variant": variant})
    ids = torch.arange(20)[None]
    base = load_model(base_path)
    with torch.no_grad():
        expected = base(input_ids=ids).logits
    model = attach(base, recipe, seed=0)
    assert torch.allclose(model(input_ids=ids).logits, expected, atol=1e-5)
    if variant != "osf":
        scaling = {layer.scaling["default"] for layer in model.modules() if hasattr(layer, "lora_A")}
        assert scaling == {4.0 if variant == "rslora" else 2.0}
    assert any("magnitude" in name for name, _ in model.named_parameters()) is (variant == "dora")
    optimizer = optimizer_for(model, weight_decay=0.0)
    losses = []
    for _ in range(5):
        loss = model(input_ids=ids, labels=ids).loss
        losses.append(float(loss.detach()))
        loss.backward()
        take_step(optimizer, 1e-2)
    assert losses[-1] < losses[0] - 0.01


def test_a_recipe_that_freezes_what_is_frozen_is_refused(base_path: Path) -> None:
    for changes in (
        {"freeze_layers": 1, "lora": {"variant": "osf"}},
        {"retention": {"l2_sp": 0.1}},
    ):
        with pytest.raises(RecipeError, match=r"osf|lora"):
            method_of(tiny.make_recipe(base_path, method="lora", **changes)).check()


def test_four_bits_are_refused_without_a_card(base_path: Path) -> None:
    recipe = tiny.make_recipe(base_path, lora={"bits": 4})
    with pytest.raises(TrainingError, match=r"training\.lora\.bits: this run has no NVIDIA card.*bits: null"):
        method_of(recipe).quantisation(torch.device("cpu"))
    full = tiny.make_recipe(base_path, method="full", lora={"bits": 4})
    assert method_of(full).quantisation(torch.device("cpu")) is None


def test_the_plan_counts_what_a_method_holds(
    base_path: Path, make_examples: Callable[..., list[Example]]
) -> None:
    def bytes_of(**changes: Any) -> dict[str, int]:
        recipe = tiny.make_recipe(base_path, **changes)
        return memory(recipe, base_path, choose_device("cpu"), make_examples(4))[2]

    full, frozen, four = (
        bytes_of(method="full"), bytes_of(method="full", freeze_layers=1), bytes_of(lora={"bits": 4}),
    )  # fmt: skip
    assert frozen["optimizer"] < full["optimizer"] and frozen["weights"] == full["weights"]
    plain = bytes_of()
    linear = sum(m.weight.numel() for m in tiny.make_model().modules() if isinstance(m, torch.nn.Linear))
    linear -= tiny.make_model().lm_head.weight.numel()
    assert plain["weights"] - four["weights"] == pytest.approx(linear * (4 - 0.516), rel=0.01)
    held = bytes_of(method="full", retention={"kl": 0.1, "l2_sp": 0.1, "samples": 4})["base to hold to"]
    assert held == full["weights"] + full["gradients"] and full["base to hold to"] == 0


@pytest.mark.parametrize("empty", ["a row", "a layer"])
def test_dora_trains_a_base_with_rows_of_zeros(empty: str, tmp_path: Path) -> None:
    """A row of zeros has no direction: 0/0 in DoRA's formula. The files must serve without our help, too."""
    base = tiny.make_model()
    with torch.no_grad():
        for name, weight in base.named_parameters():
            if "mlp.down_proj" in name or "q_proj" in name:
                weight[3] = 0
            if empty == "a layer" and ("k_proj" in name or "up_proj" in name):
                weight.zero_()
    base.save_pretrained(tmp_path / "base")
    ids = torch.arange(20)[None]
    with torch.no_grad():
        expected = base(input_ids=ids).logits
    recipe = tiny.make_recipe(tmp_path, lora={"rank": 4, "alpha": 8, "variant": "dora"})
    model = attach(base, recipe, seed=0)
    assert torch.allclose(model(input_ids=ids).logits, expected, atol=1e-5)
    optimizer = optimizer_for(model, weight_decay=0.0)
    for _ in range(5):
        model(input_ids=ids, labels=ids).loss.backward()
        take_step(optimizer, 1e-2)
    tuned = model.eval()(input_ids=ids).logits
    assert tuned.isfinite().all() and not torch.allclose(tuned, expected, atol=1e-3)
    method_of(recipe).save(model, tmp_path / "adapter")
    served = PeftModel.from_pretrained(load_model(tmp_path / "base"), tmp_path / "adapter").eval()
    assert torch.allclose(served(input_ids=ids).logits, tuned, atol=1e-5)
    merged = merged_model(tmp_path / "base", tmp_path / "adapter").eval()
    assert torch.allclose(merged(input_ids=ids).logits, tuned, atol=1e-4)


@pytest.mark.parametrize("variant", ["pissa", "osf"])
def test_a_variant_that_decomposes_weights_saves_what_adds_to_the_base_as_it_is(
    variant: Any, base_path: Path, tmp_path: Path
) -> None:
    recipe = tiny.make_recipe(base_path, lora={"rank": 4, "alpha": 8, "variant": variant})
    model = attach(load_model(base_path), recipe, seed=0)
    ids = torch.arange(20)[None]
    optimizer = optimizer_for(model, weight_decay=0.0)
    model(input_ids=ids, labels=ids).loss.backward()
    take_step(optimizer, 1e-2)
    with torch.no_grad():
        tuned = model.eval()(input_ids=ids).logits
        method_of(recipe).save(model, tmp_path / "adapter")
        served = PeftModel.from_pretrained(load_model(base_path), tmp_path / "adapter").eval()
        assert torch.allclose(served(input_ids=ids).logits, tuned, atol=1e-5)
        merged = merged_model(base_path, tmp_path / "adapter").eval()
        assert torch.allclose(merged(input_ids=ids).logits, tuned, atol=1e-4)
        assert not torch.allclose(load_model(base_path)(input_ids=ids).logits, tuned, atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"lora": {"variant": "pissa", "bits": 4}}, "lora.variant"),
        ({"lora": {"variant": "osf", "dropout": 0.1}}, "lora.dropout"),
        ({"lora": {"variant": "pissa"}, "retention": {"kl": 0.1}}, "retention.kl"),
    ],
)
def test_what_a_variant_cannot_be_combined_with_is_refused(changes: Any, key: str) -> None:
    with pytest.raises(RecipeError, match=key):
        method_of(TrainingRecipe(base="x", **changes)).check()


def test_an_unknown_method_names_the_nearest() -> None:
    with pytest.raises(RecipeError, match="did you mean 'gradual'"):
        method_of(TrainingRecipe(base="x", method="graduall"))


def test_no_file_compares_the_name_of_a_method() -> None:
    root = Path(__file__).parents[3]
    rooms = [path for room in ("training", "workbench") for path in (root / room).rglob("*.py")]
    compared = re.compile(r"method\b[^\n]*[!=]=\s*[\"']|[\"'](?:lora|full|gradual|dpo)[\"']\s*[!=]=")
    assert [str(path) for path in rooms if compared.search(path.read_text(encoding="utf-8"))] == []
