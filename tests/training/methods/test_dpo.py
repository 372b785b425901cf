"""DPO: the loss of TRL on the same logits, pairs packed and resumed as any row, and a base that learns to prefer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from tests import drafts, tiny
from tilth.data.making import world
from tilth.shards.errors import Untrainable
from tilth.shards.store import Store
from tilth.training.methods.dpo import Dpo
from tilth.training.methods.method import method_of
from tilth.training.model import loss, preference
from tilth.training.model.base import choose_attention
from tilth.training.model.loss import TokenLoss
from tilth.training.plan.plan import plan
from tilth.training.plan.request import Request
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.training.rows.pack import IGNORED, collate
from tilth.training.rows.pairs import CUT_ALIKE, Pair, pair_of, render_pairs
from tilth.training.rows.text import Example, Renderer
from tilth.training.train import RunResult, train

GOLDEN = Path(__file__).with_name("golden") / "trl_dpo.json"
EXACT = {"rtol": 0, "atol": 1e-6}


def lines(count: int = 120) -> list[drafts.Line]:
    """Return pairs of sums, the right one preferred."""
    found = []
    for number in range(count):
        split = {8: "feedback", 9: "promotion"}.get(number % 10, "train")
        decision = drafts.KEPT | {"split": split, "fold": number % 7}
        asked = f"how much is {number} plus 2?"
        found.append(drafts.Line(asked, answer=f"{number + 2}", rejected=f"no {number}", decision=decision))
    return found


@pytest.fixture
def run(store: Store, base_path: Path, tmp_path: Path) -> Callable[..., RunResult]:
    """Return a DPO run on pairs of sums; keywords are keys of the recipe, `digest` names the run."""
    version = tiny.make_version(store, lines())

    def call(digest: str = "r", on_progress: Any = None, **changes: Any) -> RunResult:
        recipe = tiny.make_recipe(base_path, method="dpo", **changes)
        request = Request(version, recipe, base_dir=tmp_path, recipe_digest=digest * 64)
        return train(request, store, on_progress=on_progress)

    return call


def golden() -> tuple[dict[str, Any], list[Pair], torch.Tensor, torch.Tensor]:
    """Return the golden file, its pairs with their reference, and policy and reference log-probabilities."""
    known = json.loads(GOLDEN.read_text(encoding="utf-8"))
    ids, lengths = np.array(known["ids"], dtype=np.int32), known["lengths"]
    sides = []
    for number, length in enumerate(lengths):
        labels = np.arange(length) >= known["prompt"]
        sides.append(Example(bytes([number]) * 16, "s", 1.0, ids[number, :length], labels))

    def nll(name: str) -> list[torch.Tensor]:
        logits = torch.tensor(known[name], dtype=torch.float64)
        return [
            F.cross_entropy(
                logits[n, known["prompt"] - 1 : length - 1],
                torch.tensor(ids[n, known["prompt"] : length], dtype=torch.int64),
                reduction="none",
            )
            for n, length in enumerate(lengths)
        ]

    half = len(sides) // 2
    policy, base = nll("logits"), nll("reference_logits")
    order = [n for pair in range(half) for n in (pair, pair + half)]
    pairs = []
    for n in range(half):
        pair = pair_of(sides[n], sides[n + half])
        known_to_base = (-float(base[n].sum()), -float(base[n + half].sum()))
        pairs.append(replace(pair, reference=known_to_base))
    return known, pairs, torch.cat([policy[n] for n in order]), torch.cat([base[n] for n in order])


def test_the_loss_is_that_of_trl_on_the_same_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    known, pairs, nll, _ = golden()
    batch = collate(pairs)
    of = batch.example_of[(batch.targets != IGNORED).nonzero()[:, 0]]
    empty = nll.new_empty(0)
    monkeypatch.setattr(loss, "token_losses", lambda *args, **kw: TokenLoss(nll, empty, empty, of))
    for case in known["cases"]:
        settings = {key: case[key] for key in ("beta", "length_normalised", "sft_weight")}
        tuning = method_of(TrainingRecipe.model_validate({"base": "x", "method": "dpo", "dpo": settings}))
        _, part = tuning.losses(None, batch, tuning.units([batch], []), statistics=True)
        np.testing.assert_allclose(float(part), case["loss"], **EXACT)


def test_packed_pairs_have_the_loss_and_the_gradient_of_separate_ones(tokenizer: Any) -> None:
    tuning = method_of(
        TrainingRecipe.model_validate({"base": "x", "method": "dpo", "dpo": {"sft_weight": 0.2}})
    )
    model = tiny.make_model()
    assert choose_attention(model)
    rows = [sample(f"how much is {n} plus 2?", str(n + 2), "no") for n in range(7)]
    pairs = render_pairs(rows, Renderer(tokenizer, max_tokens=64)).examples
    pairs = tuning.referred(tiny.make_model(seed=1), pairs, 256, None)
    gradients = []
    for packs in ([pairs], [[pair] for pair in pairs]):
        batches = [collate(pack) for pack in packs]
        units = tuning.units(batches, [])
        model.zero_grad()
        for batch in batches:
            tuning.losses(model, batch, units, statistics=True)[1].backward()
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters()]))
    assert (gradients[0] - gradients[1]).norm() <= 1e-6 * gradients[1].norm()


def sample(asked: str, chosen: str, rejected: str, *before: tuple[str, str]) -> dict[str, Any]:
    empty = dict.fromkeys(("role", "text", "reasoning", "tool_calls", "tool_call_id", "name"))
    turns = [*before, ("user", asked), ("chosen", chosen), ("rejected", rejected)]
    return {
        "row_id": asked.encode()[:16].ljust(16), "slice": "s", "weight": None, "shape": "preference", "tools": None,
        "turns": [{**empty, "role": role, "text": text} for role, text in turns],
    }  # fmt: skip


def test_only_the_last_answer_of_each_side_is_learned(tokenizer: Any) -> None:
    row = sample("and 2 plus 2?", "4", "5", ("user", "1 plus 1?"), ("assistant", "2"))
    (pair,) = render_pairs([row], Renderer(tokenizer, max_tokens=200)).examples
    written = [tokenizer.decode(part.input_ids[part.is_label]) for part in pair.parts]
    assert written == ["4<|im_end|>", "5<|im_end|>"]
    prompts = {tokenizer.decode(part.input_ids[~part.is_label]) for part in pair.parts}
    assert len(prompts) == 1 and "1 plus 1?" in prompts.pop()
    assert [part.input_ids.tolist() for part in pair.swapped().parts] == [
        part.input_ids.tolist() for part in pair.parts[::-1]
    ]


def test_a_pair_whose_difference_is_cut_off_is_skipped_with_the_reason(tokenizer: Any) -> None:
    row = sample("say it", "the lazy dog " * 20 + "yes", "the lazy dog " * 20 + "no")
    rendered = render_pairs([row], Renderer(tokenizer, max_tokens=64))
    assert not rendered.examples and list(rendered.skipped.values()) == [CUT_ALIKE]


def test_the_reference_is_computed_once_and_kept_for_train_rows_alone(
    run: Callable[..., RunResult], store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    real = preference.answer_sums

    def counted(model: Any, pairs: list[Pair], pack_tokens: int) -> np.ndarray:
        seen.append(len(pairs))
        return real(model, pairs, pack_tokens)

    monkeypatch.setattr(preference, "answer_sums", counted)
    run("a", max_steps=1)
    (kept,) = (store.cache / "references").glob("*.json")
    assert len(json.loads(kept.read_bytes())) == 96 == seen[0]
    seen.clear()
    run("b", max_steps=1)
    assert seen[0] == 12  # feedback rows: of rows that judge nothing is kept
    kept.write_bytes(b"damaged")
    run("c", max_steps=1)
    assert len(json.loads(kept.read_bytes())) == 96


@pytest.mark.parametrize("weights", ["lora", "full"])
def test_a_run_on_pairs_learns_resumes_and_shows_what_it_prefers(
    run: Callable[..., RunResult], weights: str
) -> None:
    changes = {"dpo": {"weights": weights, "beta": 0.5}, "epochs": 3, "checkpoint_minutes": 1e-9}
    changes["rate"] = 1e-2 if weights == "lora" else 1e-3
    whole = run("a", **changes)
    page = json.loads((whole.run_dir / "report.json").read_text())
    accuracy, margin = page["tasks"]
    assert (accuracy["name"], accuracy["metric"], margin["metric"]) == (
        "held-out pairs",
        "accuracy",
        "margin",
    )
    assert accuracy["items"] == 12 and margin["change"]["value"] > 0
    assert whole.base.loss == pytest.approx(np.log(2), abs=1e-6) and whole.tuned.loss < whole.base.loss
    monitors = {line["monitor"] for line in page["monitors"]}
    assert any("chosen" in name for name in monitors)

    def pull(what: str, done: int, total: int) -> None:
        if what.startswith("train") and done == 2:
            raise ConnectionError

    with pytest.raises(ConnectionError):
        run("b", on_progress=pull, **changes)
    resumed = run("b", **changes)
    folder = "adapter/adapter_model" if weights == "lora" else "model/model"
    one, two = (load_file(r.run_dir / f"{folder}.safetensors") for r in (whole, resumed))
    assert all(torch.equal(one[key], two[key]) for key in one)
    kept = pl.DataFrame(whole.tuned.losses)["row_id"].to_list()
    written = b"".join(path.read_bytes() for path in whole.run_dir.rglob("*.json*"))
    assert not any(row.hex().encode() in written for row in kept)


def test_rows_of_another_shape_are_counted_and_their_method_is_named(
    store: Store, base_path: Path, tmp_path: Path
) -> None:
    mixed = tiny.make_version(store, [*tiny.sums(40), *lines(20)])
    chats = plan(tiny.make_recipe(base_path), EvaluationRecipe(), mixed, base_dir=tmp_path)
    pairs = plan(tiny.make_recipe(base_path, method="dpo"), EvaluationRecipe(), mixed, base_dir=tmp_path)
    for expected, others in ((chats, 20), (pairs, 40)):
        assert expected.rows["of another shape"] == others
        parts = (
            "train",
            "twin",
            "feedback",
            "promotion",
            "excluded",
            "weightless",
            "skipped",
            "of another shape",
        )
        assert expected.rows["rows"] == 60 == sum(expected.rows[part] for part in parts)
    assert "20 preference rows: lora does not learn from them; training.method: dpo does" in chats.left_out[0]
    assert "training.method: full or gradual or lora does" in pairs.left_out[0]
    only = tiny.make_version(store, lines(40))
    with pytest.raises(Untrainable, match=r"its rows are preference rows, which lora.*training\.method: dpo"):
        plan(tiny.make_recipe(base_path), EvaluationRecipe(), only, base_dir=tmp_path)


def test_the_bundled_base_prefers_right_answers_more_often_after_a_run(store: Store, tmp_path: Path) -> None:
    rows = [json.loads(line) for line in (world.HERE / "sources" / "preferences.jsonl").open("rb")]
    polite = [row for row in rows if row["slice"] == "polite"]
    found = []
    for number, row in enumerate(polite):
        split = "promotion" if number % 5 == 4 else "train"
        decision = drafts.KEPT | {"split": split, "fold": 1 + number % 30, "slice": row["slice"]}
        found.append(drafts.Line(row["prompt"], row["chosen"], rejected=row["rejected"], decision=decision))
    version = tiny.make_version(store, found)
    recipe = TrainingRecipe.model_validate(
        {
            "base": str(world.HERE / "base"), "method": "dpo", "rate": 2e-3, "max_steps": 10, "batch_tokens": 2048,
            "dpo": {"beta": 0.3, "sft_weight": 0.1}, "device": "cpu", "merge": False, "retention": {"samples": 0},
        }
    )  # fmt: skip
    result = train(Request(version, recipe, base_dir=tmp_path, monitors=False), store)
    before, after = result.base.tasks[0], result.tuned.tasks[0]
    assert len(before.scores) == 48
    assert after.mean >= before.mean + 0.05
    assert result.tuned.tasks[1].mean > result.base.tasks[1].mean


def test_dpo_takes_the_weights_of_another_method() -> None:
    for weights, frozen in (("lora", True), ("full", False), ("gradual", False)):
        tuning = method_of(
            TrainingRecipe.model_validate({"base": "x", "method": "dpo", "dpo": {"weights": weights}})
        )
        assert isinstance(tuning, Dpo) and tuning.frozen_base is frozen
        assert tuning.peak_rate == pytest.approx(0.05 * tuning.weights.peak_rate)
