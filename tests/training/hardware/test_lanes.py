"""Packs computed side by side give what packs computed in turn give, to the bit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaConfig

from tests import tiny
from tilth.shards.errors import TrainingError
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.hardware import lanes
from tilth.training.hardware.device import choose_device
from tilth.training.hardware.lanes import Lanes, to_read, to_train
from tilth.training.methods.method import attach, method_of
from tilth.training.model.base import choose_attention
from tilth.training.model.loss import score
from tilth.training.model.optim import optimizer_for
from tilth.training.plan import plan
from tilth.training.plan.request import Request
from tilth.training.recipe import EvaluationRecipe, LoraRecipe, TrainingRecipe
from tilth.training.rows.sampler import Sampler
from tilth.training.rows.text import Example
from tilth.training.run.journal import Journal
from tilth.training.run.loop import Loop
from tilth.training.train import train


def trained(recipe: TrainingRecipe, rows: list[Example], count: int, folder: Path) -> dict[str, torch.Tensor]:
    """Return the adapter after a few steps of several packs each, `count` of them at once."""
    model = tiny.make_model()
    choose_attention(model)
    model = attach(model, recipe, 0)
    loop = Loop(
        model=model,
        optimizer=optimizer_for(model, weight_decay=0.0),
        sampler=Sampler(rows, seed=0, pack_tokens=64),
        learning=None,
        recipe=recipe,
        total_steps=4,
        total_tokens=4 * recipe.batch_tokens,
        folder=folder,
        inputs={},
        journal=Journal(folder / f"{count}.jsonl", up_to_step=-1),
        lanes=Lanes(count),
    )
    while loop.step < loop.total_steps:
        loop.train_step()
    return {name: parameter.detach().clone() for name, parameter in loop.trained()}


@pytest.mark.parametrize("count", [2, 3])
def test_lanes_do_not_move_a_weight(
    recipe: TrainingRecipe, make_examples: Callable[..., list[Example]], tmp_path: Path, count: int
) -> None:
    rows = make_examples(60)
    alone, together = (trained(recipe, rows, lanes, tmp_path) for lanes in (1, count))
    assert all(torch.equal(alone[name], together[name]) for name in alone)
    assert any("lora_B" in name and weight.any() for name, weight in alone.items())


def test_a_run_in_lanes_resumes_to_the_same_adapter(
    store: Store,
    version: Version,
    recipe: TrainingRecipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(lanes, "MIN_TOKENS", 64)
    changed = recipe.model_copy(update={"pack_tokens": 128, "epochs": 2, "checkpoint_minutes": 1e-9})
    plans: list[plan.Plan] = []

    def pulled(what: str, done: int, total: int) -> None:
        if what.startswith("train") and done == 3:
            raise ConnectionError("the plug is pulled")

    def run(digest: str, **more: Any) -> Any:
        request = Request(version, changed, base_dir=tmp_path, recipe_digest=digest * 64)
        return train(request, store, on_plan=plans.append, **more)

    whole = run("a")
    with pytest.raises(ConnectionError):
        run("b", on_progress=pulled)
    resumed = run("b")
    assert {p.lanes for p in plans} == {2}
    files = [r.run_dir / "adapter" / "adapter_model.safetensors" for r in (whole, resumed)]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_scores_are_the_same_in_lanes(
    make_examples: Callable[..., list[Example]], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, rows = tiny.make_model(), make_examples(40)
    choose_attention(model)
    alone = score(model, rows, 64)
    monkeypatch.setattr(lanes, "to_read", lambda model, pack_tokens: Lanes(2))
    assert score(model, rows, 128).equals(alone)


def test_the_first_error_in_order_is_raised() -> None:
    def work(item: int) -> int:
        if item > 1:
            raise TrainingError(str(item), "is not finite", "it stops", "look at it")
        return item

    with pytest.raises(TrainingError, match="2"):
        list(Lanes(3).map(work, [0, 1, 2, 3]))


@pytest.mark.parametrize(
    ("changes", "config", "count"),
    [
        ({}, {}, 3),
        ({"pack_tokens": 1023}, {}, 1),
        ({"pack_tokens": 1024}, {}, 2),
        ({"method": "full"}, {}, 1),
        ({"recompute": "on"}, {}, 1),
        ({"lora": LoraRecipe(dropout=0.1)}, {}, 1),
        ({}, {"attention_dropout": 0.1}, 1),
        ({}, {"rope_parameters": {"rope_type": "dynamic", "factor": 2.0, "rope_theta": 1e4}}, 1),
        ({}, {"rope_parameters": {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}}, 3),
    ],
)
def test_only_what_shares_nothing_runs_in_lanes(
    recipe: TrainingRecipe,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, Any],
    config: dict[str, Any],
    count: int,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    device = choose_device("cpu")
    changed = recipe.model_copy(update={"pack_tokens": 4096, **changes})
    built: LlamaConfig = tiny.make_config(**config)
    assert to_train(changed, built, device, side_by_side=method_of(changed).side_by_side) == count


def test_a_shared_run_has_one_lane(recipe: TrainingRecipe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    device, model = choose_device("cpu"), tiny.make_model()
    wide = recipe.model_copy(update={"pack_tokens": 4096})
    assert to_train(wide, model.config, device, side_by_side=True) == to_read(model, 4096).count == 2
    monkeypatch.setenv("WORLD_SIZE", "2")
    assert to_train(wide, model.config, device, side_by_side=True) == to_read(model, 4096).count == 1


def test_lanes_that_do_not_fit_are_given_up_before_layers_are_recomputed(
    recipe: TrainingRecipe, version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.setattr(lanes, "MIN_TOKENS", 8)
    changed = recipe.model_copy(
        update={"pack_tokens": 32}
    )  # rows are longer: two lanes hold two of the longest

    def planned(free: int) -> plan.Plan:
        monkeypatch.setattr(plan, "available_bytes", lambda device: free)
        return plan.plan(changed, EvaluationRecipe(), version, base_dir=tmp_path)

    roomy = planned(1 << 40)
    assert (roomy.lanes, roomy.recompute) == (2, False)
    assert "2 side by side" in "\n".join(roomy.lines())
    tight = planned(roomy.total_bytes - 1)
    assert (tight.lanes, tight.recompute) == (1, False)
    assert tight.total_bytes < roomy.total_bytes
    assert "side by side" not in "\n".join(tight.lines())
