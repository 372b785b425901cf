"""What a run will cost is said before, and what cannot fit is refused with what would."""

from __future__ import annotations

from pathlib import Path

import pytest
import tiny
import torch

from tilth.shards.errors import TrainingError
from tilth.shards.version import Version
from tilth.training import device, footprint, model
from tilth.training import plan as planning
from tilth.training.loss import token_losses
from tilth.training.pack import collate
from tilth.training.peek import peek, render_rows
from tilth.training.plan import length_of, plan
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe


def test_a_plan_names_steps_tokens_bytes_and_time(
    recipe: TrainingRecipe, version: Version, tmp_path: Path
) -> None:
    found = plan(recipe, EvaluationRecipe(), version, base_dir=tmp_path)
    built = model.attach(tiny.make_model(), recipe, 0)
    assert found.parameters == sum(p.numel() for p in built.parameters())
    assert found.trainable == sum(p.numel() for p in built.parameters() if p.requires_grad)
    assert found.bytes["weights"] == 4 * found.parameters
    assert found.seconds is not None and found.seconds > 0
    assert found.steps == -(-found.tokens // recipe.batch_tokens)
    assert found.lines()[0].startswith("device: cpu (1 CPU threads), float32")
    assert found.to_dict()["total_bytes"] == sum(found.bytes.values())


@pytest.mark.parametrize("method", ["lora", "full"])
def test_activations_are_predicted(recipe: TrainingRecipe, make_examples, method: str) -> None:
    recipe = recipe.model_copy(update={"method": method, "pack_tokens": 240})
    (example,) = make_examples(1, shortest=240, longest=240)
    built = tiny.make_model()
    model.choose_attention(built)
    built = model.attach(built, recipe, 0)
    own = {p.untyped_storage().data_ptr() for p in built.parameters()}
    kept: dict[int, int] = {}

    def count(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        losses = token_losses(built, collate([example]), statistics=False)
    sizes = footprint.memory(recipe, Path(recipe.base), torch.float32, [example])[2]
    assert losses.nll.requires_grad
    expected = sizes["activations"] + sizes["logits"]
    assert sum(kept.values()) == pytest.approx(expected, rel=0.35)


def test_a_run_is_as_long_as_its_epochs_or_its_bounds() -> None:
    recipe = TrainingRecipe(base="x", epochs=2, batch_tokens=100)
    assert length_of(recipe, 1050.0, None) == (21, 2100.0)
    assert length_of(recipe, 1050.0, 5) == (5, 500)
    assert length_of(recipe.model_copy(update={"max_steps": 3}), 1050.0, 5) == (3, 300)
    assert length_of(recipe, 1.0, None)[0] == 1


def test_what_cannot_fit_is_refused_with_what_would(
    recipe: TrainingRecipe, version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = recipe.model_copy(update={"method": "full", "pack_tokens": 4096, "max_tokens": 200})
    needed = plan(recipe, EvaluationRecipe(), version, base_dir=tmp_path).total_bytes
    monkeypatch.setattr(planning, "available_bytes", lambda device: needed // 3)
    with pytest.raises(
        TrainingError, match=r"This fits: training.method: lora, training.pack_tokens: (1024|512)"
    ):
        plan(recipe, EvaluationRecipe(), version, base_dir=tmp_path)
    monkeypatch.setattr(planning, "available_bytes", lambda device: 1)
    with pytest.raises(TrainingError, match="Choose a smaller base"):
        plan(recipe, EvaluationRecipe(), version, base_dir=tmp_path)


def test_rows_longer_than_the_base_reads_cannot_be_asked_for(
    recipe: TrainingRecipe, version: Version, tmp_path: Path
) -> None:
    with pytest.raises(TrainingError, match="more than the 256 tokens the base can read"):
        plan(recipe.model_copy(update={"max_tokens": 257}), EvaluationRecipe(), version, base_dir=tmp_path)


def test_a_card_that_torch_cannot_use_is_an_error_with_the_line_that_helps(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(device, "_card", lambda: True)
    monkeypatch.setattr(device.torch.cuda, "device_count", lambda: 0)
    with pytest.raises(TrainingError, match="pip install --force-reinstall torch"):
        device.choose_device("auto")
    assert device.choose_device("cpu").device.type == "cpu"


def test_peek_marks_what_is_learned(recipe: TrainingRecipe, version: Version, tmp_path: Path) -> None:
    samples = list(peek(recipe, version, base_dir=tmp_path))
    assert len(samples) == 3
    for text in samples:
        marked = [text.plain[span.start : span.end] for span in text.spans if span.style == "reverse"]
        assert len(marked) == 1
        assert marked[0].removesuffix("<|im_end|>").isdigit()


def test_rows_of_no_version_can_be_shown(base_path: Path, chat) -> None:
    row = {"turns": chat(("user", "hi"), ("assistant", "fox"))["turns"]}
    (text,) = render_rows(str(base_path), [row])
    assert "fox<|im_end|>" in [text.plain[s.start : s.end] for s in text.spans if s.style == "reverse"]
