"""What a run will cost is said before, and what cannot fit is refused with what would."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch

from tests import drafts, tiny
from tilth.shards.errors import TrainingError, Untrainable
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.hardware import device
from tilth.training.methods.method import attach
from tilth.training.model import base as model
from tilth.training.model.loss import token_losses
from tilth.training.model.recompute import recompute_layers
from tilth.training.plan import footprint
from tilth.training.plan import plan as planning
from tilth.training.plan.alive import Alive
from tilth.training.plan.peek import look_at, peek
from tilth.training.plan.plan import length_of, plan
from tilth.training.plan.request import Request
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.training.rows.pack import collate
from tilth.training.train import train


def test_a_plan_names_steps_tokens_bytes_and_time(
    recipe: TrainingRecipe, version: Version, tmp_path: Path
) -> None:
    found = plan(recipe, EvaluationRecipe(), version, base_dir=tmp_path)
    built = attach(tiny.make_model(), recipe, 0)
    assert found.parameters == sum(p.numel() for p in built.parameters())
    assert found.trainable == sum(p.numel() for p in built.parameters() if p.requires_grad)
    assert found.bytes["weights"] == 4 * found.parameters
    assert found.seconds is not None and found.seconds > 0
    assert found.steps == -(-found.tokens // recipe.batch_tokens)
    assert found.lines()[0].startswith("device: cpu (1 CPU threads), float32")
    assert found.to_dict()["total_bytes"] == sum(found.bytes.values())


@pytest.mark.parametrize("recompute", [False, True])
@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_bytes_of_a_step_are_predicted(
    recipe: TrainingRecipe, make_examples, method: str, recompute: bool
) -> None:
    recipe = recipe.model_copy(update={"method": method, "pack_tokens": 240})
    (example,) = make_examples(1, shortest=240, longest=240)
    built = tiny.make_model()
    model.choose_attention(built)
    built = attach(built, recipe, 0, recompute=recompute)
    token_losses(built, collate([example]), statistics=True).nll.sum().backward()
    gradients = [p.grad for p in built.parameters() if p.grad is not None]
    batch = collate([example])
    with Alive([*built.parameters(), *built.buffers(), *gradients]) as alive:
        token_losses(built, batch, statistics=True).nll.sum().backward()
    sizes = footprint.memory(
        recipe, Path(recipe.base), device.choose_device("cpu"), [example], recompute=recompute
    )[2]
    assert sizes["activations"] + sizes["logits"] == pytest.approx(alive.peak, rel=0.05)


def test_recomputed_layers_keep_less_and_compute_the_same(recipe: TrainingRecipe, make_examples) -> None:
    kept, gradients = {}, {}
    examples = make_examples(4, shortest=40)
    for recompute in (False, True):
        built = tiny.make_model(num_hidden_layers=4)
        model.choose_attention(built)
        built = attach(built, recipe, 0)
        for name, parameter in built.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.1)
        if recompute:
            recompute_layers(built)
        with Alive(built.parameters()) as alive:
            token_losses(built, collate(examples), statistics=False).nll.sum().backward()
        kept[recompute] = alive.peak
        gradients[recompute] = [p.grad for p in built.parameters() if p.grad is not None]
    assert kept[True] < 0.7 * kept[False]
    assert all(torch.equal(a, b) for a, b in zip(gradients[False], gradients[True], strict=True))


def test_every_adapter_moves_though_layers_are_recomputed(
    recipe: TrainingRecipe, version: Version, store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R15: with frozen embeddings, re-entrant checkpointing would cut off every gradient without a word."""
    seen: list[torch.nn.Module] = []
    monkeypatch.setattr(
        "tilth.training.model.recompute.recompute_layers",
        lambda built: seen.append(built) or recompute_layers(built),
    )
    recipe = recipe.model_copy(update={"recompute": "on", "merge": False})
    train(Request(version, recipe, base_dir=tmp_path, recipe_digest="", max_steps=1, monitors=False), store)
    ups = [p for name, p in seen[-1].named_parameters() if "lora_B" in name]
    assert len(ups) == 14
    assert all(p.any() for p in ups)


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
    # of two layers recomputing saves less than the heap may lose
    monkeypatch.setattr(footprint, "HEAP_LOSS", 0.25)
    monkeypatch.setattr(footprint, "HEAP_LOSS_RECOMPUTED", 0.25)
    kept = recipe.model_copy(update={"recompute": "off"})
    needed = plan(kept, EvaluationRecipe(), version, base_dir=tmp_path).total_bytes
    monkeypatch.setattr(planning, "available_bytes", lambda device: needed - 1)
    found = plan(recipe, EvaluationRecipe(), version, base_dir=tmp_path)
    assert found.recompute and found.total_bytes < needed
    with pytest.raises(TrainingError, match=r"This fits: training.recompute: auto\.$"):
        plan(kept, EvaluationRecipe(), version, base_dir=tmp_path)
    monkeypatch.setattr(planning, "available_bytes", lambda device: needed // 4)
    with pytest.raises(TrainingError, match=r"This fits: .*training.pack_tokens: (1024|512)"):
        plan(recipe, EvaluationRecipe(), version, base_dir=tmp_path)
    monkeypatch.setattr(planning, "available_bytes", lambda device: 1)
    with pytest.raises(TrainingError, match="Choose a smaller base"):
        plan(recipe, EvaluationRecipe(), version, base_dir=tmp_path)


def test_nothing_is_loaded_for_a_plan(
    recipe: TrainingRecipe, version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr(safetensors, "safe_open", lambda path, **kwargs: opened.append(str(path)))
    monkeypatch.setattr(model, "load_model", lambda *args, **kwargs: opened.append("weights"))
    assert plan(recipe, EvaluationRecipe(), version, base_dir=tmp_path).seconds
    assert not opened


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


def test_rows_of_no_version_can_be_shown(base_path: Path) -> None:
    call = {"role": "assistant", "tool_calls": '[{"arguments":{"q":1},"id":"1","name":"search"}]'}
    turns = [{"role": "user", "text": "hi"}, {"role": "assistant", "text": "fox"}]
    rows = [{"turns": turns, "place": f"a.jsonl, row {number}"} for number in range(1, 9)]
    rows[4]["turns"] = [turns[0], call]
    seen = look_at(str(base_path), rows, 3)
    assert len(seen.shown) == 3
    text = seen.shown[0]
    assert "fox<|im_end|>" in [text.plain[s.start : s.end] for s in text.spans if s.style == "reverse"]
    assert seen.lines == ["cannot be learned: 1 row: the template does not write tool calls, a.jsonl, row 5"]


def test_what_the_template_passes_over_stands_in_the_plan(
    recipe: TrainingRecipe, store: Store, tmp_path: Path
) -> None:
    template = tmp_path / "told.jinja"
    template.write_text(
        tiny.CHATML.replace("{% for m in messages %}", "{% for m in messages if m.role != 'system' %}")
    )
    told = [
        drafts.Line(f"is {n} odd?", system="Be brief.", decision=drafts.KEPT | {"fold": 3}) for n in range(40)
    ]
    version = tiny.make_version(store, told)
    changed = recipe.model_copy(update={"template": template.name})
    with pytest.raises(Untrainable) as refused:
        plan(changed, EvaluationRecipe(), version, base_dir=tmp_path)
    assert "40 of 40 rows" in str(refused.value)
    assert "does not write the system prompt (with training.system: fold it can be learned)" in str(
        refused.value
    )
    assert refused.value.exit_code == 2
    for way in ("fold", "drop"):
        planned = plan(
            changed.model_copy(update={"system": way}), EvaluationRecipe(), version, base_dir=tmp_path
        )
        assert (planned.left_out, planned.rows["train"]) == ([], 40)


def test_merging_is_part_of_the_plan(recipe: TrainingRecipe, version: Version, tmp_path: Path) -> None:
    def lines(**changes: bool) -> str:
        changed = recipe.model_copy(update=changes)
        return " ".join(plan(changed, EvaluationRecipe(), version, base_dir=tmp_path).lines())

    assert "to merge at the end" in lines()
    assert "to merge" not in lines(merge=False)


def test_tokens_that_adapters_would_leave_untrained_are_named(
    recipe: TrainingRecipe, version: Version, base_path: Path, tmp_path: Path
) -> None:
    base = tmp_path / "base"
    weights = safetensors.torch.load_file(base_path / "model.safetensors")
    weights["model.embed_tokens.weight"][2] = 0  # the end of a turn
    shutil.copytree(base_path, base)
    safetensors.torch.save_file(weights, base / "model.safetensors", {"format": "pt"})
    changed = recipe.model_copy(update={"base": str(base)})
    lines = plan(changed, EvaluationRecipe(), version, base_dir=tmp_path).lines()
    assert [line[:30] for line in lines if "never learned" in line] == ["never learned: <|im_end|>, whi"]
    full = changed.model_copy(update={"method": "full"})
    assert plan(full, EvaluationRecipe(), version, base_dir=tmp_path).untrained == []
