"""What frozen lower layers make of a row is computed once, and all above them comes out as without that."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import tiny
from tilth.training.methods.method import attach, method_of
from tilth.training.model import lower
from tilth.training.model.base import choose_attention, load_model
from tilth.training.model.loss import causal_model, token_losses
from tilth.training.rows.pack import collate
from tilth.training.rows.text import Example

MANY = 1 << 30


def losses_and_gradients(model: Any, examples: list[Example]) -> tuple[torch.Tensor, list[torch.Tensor]]:
    model.zero_grad()
    nll = token_losses(model, collate(examples), statistics=False).nll
    nll.sum().backward()
    return nll.detach(), [p.grad.clone() for p in model.parameters() if p.grad is not None]


@pytest.mark.parametrize("changes", [{"method": "lora"}, {"method": "full"}])
@pytest.mark.parametrize("frozen", [1, 2])
def test_losses_and_gradients_are_those_of_the_whole_model(
    changes: dict[str, Any], frozen: int, base_path: Path, make_examples: Callable[..., list[Example]]
) -> None:
    recipe = tiny.make_recipe(base_path, freeze_layers=frozen, **changes)
    model = tiny.make_model(num_hidden_layers=3)
    choose_attention(model, torch.float32)
    model = attach(model, recipe, 0)
    with torch.no_grad():
        for parameter in (p for p in model.parameters() if p.requires_grad):
            parameter.add_(0.01 * torch.randn_like(parameter))
    examples = make_examples(5)
    whole = losses_and_gradients(model, examples)
    kept = lower.keep_lower(causal_model(model), MANY)
    assert kept is not None and kept.depth == frozen
    for _ in range(2):  # computed, then read
        parts = losses_and_gradients(model, examples)
        assert torch.allclose(parts[0], whole[0], atol=1e-5)
        assert len(parts[1]) == len(whole[1])
        for a, b in zip(parts[1], whole[1], strict=True):
            assert torch.allclose(a, b, atol=1e-4)


def test_a_row_is_computed_once_and_alike_in_any_pack(
    monkeypatch: pytest.MonkeyPatch, base_path: Path, make_examples: Callable[..., list[Example]]
) -> None:
    model = tiny.make_model(num_hidden_layers=3)
    choose_attention(model, torch.float32)
    model = attach(model, tiny.make_recipe(base_path, method="full", freeze_layers=1), 0)
    kept = lower.keep_lower(causal_model(model), MANY)
    assert kept is not None
    computed: list[int] = []
    below = lower.states_below
    monkeypatch.setattr(lower, "states_below", lambda *a: computed.append(1) or below(*a))
    examples = make_examples(6)
    alone = torch.cat([kept.states(collate([example])) for example in examples])
    assert torch.equal(kept.states(collate(examples)), alone)
    assert len(computed) == 6


def test_beyond_its_bound_states_are_computed_anew(
    base_path: Path, make_examples: Callable[..., list[Example]]
) -> None:
    model = tiny.make_model(num_hidden_layers=3)
    choose_attention(model, torch.float32)
    model = attach(model, tiny.make_recipe(base_path, method="full", freeze_layers=1), 0)
    examples = make_examples(6)
    one = len(examples[0].input_ids) * model.config.hidden_size * 4
    kept = lower.keep_lower(model, one)
    assert kept is not None
    first = kept.states(collate(examples))
    assert kept._bytes <= one and torch.equal(first, kept.states(collate(examples)))


def test_nothing_is_kept_where_all_layers_learn_or_something_drops_out(base_path: Path) -> None:
    model = tiny.make_model(num_hidden_layers=3)
    choose_attention(model, torch.float32)
    assert lower.keep_lower(model, MANY) is None
    model = attach(model, tiny.make_recipe(base_path, method="full", freeze_layers=1), 0)
    assert lower.keep_lower(model, 0) is None
    model.model.layers[0].drop = torch.nn.Dropout(0.1)
    assert lower.keep_lower(model, MANY) is None


def test_a_family_that_does_more_between_its_layers_is_computed_whole(base_path: Path) -> None:
    model = tiny.make_model(num_hidden_layers=3)
    choose_attention(model, torch.float32)
    model = attach(model, tiny.make_recipe(base_path, method="full", freeze_layers=1), 0)

    class Scaling(type(model.model)):  # type: ignore[misc]
        def forward(self, *args: Any, **kwargs: Any) -> Any:
            if kwargs.get("inputs_embeds") is not None:
                kwargs["inputs_embeds"] = kwargs["inputs_embeds"] * 2
            return super().forward(*args, **kwargs)

    model.model.__class__ = Scaling
    assert lower.keep_lower(model, MANY) is None


def test_gradual_unfreezing_keeps_what_is_below_the_open_layers(base_path: Path) -> None:
    recipe = tiny.make_recipe(base_path, method="gradual", gradual={"groups": 3, "until": 1.0})
    model = load_model(base_path)
    model = attach(model, recipe, 0)
    open_at = method_of(recipe).before_step(model, 9)
    depths = []
    for step in range(9):
        open_at(step)
        kept = lower.keep_lower(model, MANY)
        depths.append(0 if kept is None else kept.depth)
    assert depths[0] > 0 and depths[-1] == 0 and depths == sorted(depths, reverse=True)
