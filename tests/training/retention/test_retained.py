"""Knowledge of the base: what stands for it, what holds a model to it, and the gate."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests import tiny
from tilth.shards.errors import RecipeError
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.methods.method import attach, check, method_of
from tilth.training.model.base import load_base
from tilth.training.model.loss import score
from tilth.training.plan.request import Request
from tilth.training.recipe import GradualRecipe, RetentionRecipe, TrainingRecipe
from tilth.training.retention.anchor import Divergence, StartingPoint
from tilth.training.retention.generated import base_samples
from tilth.training.retention.interpolate import SHARES, Line, Mix, choose, mixes_of
from tilth.training.retention.retained import FROM_BASE, FROM_USER, retain
from tilth.training.rows.text import Example
from tilth.training.run.journal import read
from tilth.training.run.word import Evidence, weigh
from tilth.training.train import RunResult, train

Run = Callable[..., RunResult]


@pytest.fixture
def run(store: Store, version: Version, base_path: Path, tmp_path: Path) -> Run:
    """Return a run of the version with changes of its recipe; twenty lines stand for base knowledge."""
    known = tmp_path / "known.jsonl"
    lines = [{"text": f"the quick brown fox jumps over {n} lazy dogs"} for n in range(20)]
    known.write_text("".join(json.dumps(line) + "\n" for line in lines))

    def call(digest: str = "r", /, on_progress: Any = None, **changes: Any) -> RunResult:
        values = {"base_knowledge": str(known), "retention": {"replay": 0.0, "samples": 8}, **changes}
        recipe = tiny.make_recipe(base_path, **values)
        return train(
            Request(version, recipe, base_dir=tmp_path, recipe_digest=digest * 64),
            store,
            on_progress=on_progress,
        )

    return call


def facts(result: RunResult) -> dict[str, Any]:
    return dict(json.loads((result.run_dir / "report.json").read_bytes()))


def steps(result: RunResult) -> list[dict[str, Any]]:
    return [line for line in read(result.run_dir / "metrics.jsonl") if line["kind"] == "step"]


# ---- rows


def test_rows_that_are_replayed_are_not_measured(make_examples: Callable[..., list[Example]]) -> None:
    known = make_examples(40)
    found = retain(RetentionRecipe(replay=0.01), known, lambda count: [])
    measured, replayed = ({e.row_id for e in part} for part in (found.measured, found.replayed))
    assert measured and replayed and not measured & replayed and len(measured | replayed) == 40
    assert retain(RetentionRecipe(replay=0.0), known, lambda count: []).measured == known
    assert found.note == FROM_USER


def test_a_base_without_rows_writes_some(make_examples: Callable[..., list[Example]]) -> None:
    asked: list[int] = []

    def written(count: int) -> list[Example]:
        asked.append(count)
        return make_examples(count)

    alone = retain(RetentionRecipe(samples=9), [], written)
    assert (len(alone.measured), alone.held, alone.note) == (9, [], FROM_BASE)
    held = retain(RetentionRecipe(samples=9, kl=0.1), [], written)
    assert len(held.measured) + len(held.held) == 9 and held.held and held.measured
    both = retain(RetentionRecipe(samples=9, kl=0.1), make_examples(4), written)
    assert len(both.held) == 9 and both.note == FROM_USER
    retain(RetentionRecipe(samples=9), make_examples(4), written)
    assert asked == [9, 9, 9]


def test_the_base_writes_the_same_texts_once(base_path: Path, tmp_path: Path) -> None:
    model, tokenizer = load_base(base_path)
    state = torch.get_rng_state()
    first = base_samples(model, tokenizer, 5, tmp_path, "d" * 64)
    assert torch.equal(state, torch.get_rng_state()), "the run's own randomness is left alone"
    assert len(first) == 5 and all(e.is_label[1:].all() and not e.is_label[0] for e in first)
    kept = next(tmp_path.iterdir())
    again = base_samples(model, tokenizer, 5, tmp_path, "d" * 64)
    assert [e.row_id for e in again] == [e.row_id for e in first]
    for damage in (b"[[1]]", b"not json", b"[[999999],[1],[1],[1],[1]]"):
        kept.write_bytes(damage)
        mended = base_samples(model, tokenizer, 5, tmp_path, "d" * 64)
        assert [e.row_id for e in mended] == [e.row_id for e in first]


# ---- what pulls back


@pytest.mark.parametrize("method", ["lora", "full"])
def test_divergence_is_zero_at_the_base_and_pulls_back_to_it(
    method: Any, base_path: Path, make_examples: Callable[..., list[Example]]
) -> None:
    model, _ = load_base(base_path)
    model = attach(model, tiny.make_recipe(base_path, method=method), seed=0)
    held = Divergence(model, make_examples(6), weight=2.0)
    assert float(held.loss(model, 0).detach()) == pytest.approx(0.0, abs=1e-5)
    with torch.no_grad():
        for parameter in (p for n, p in model.named_parameters() if p.requires_grad):
            parameter.add_(0.05)
    apart = float(held.loss(model, 3).detach())
    assert apart > 1e-3
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
    for _ in range(20):
        optimizer.zero_grad()
        held.loss(model, 3).backward()
        optimizer.step()
    assert float(held.loss(model, 3).detach()) < apart


def test_the_starting_point_pulls_by_the_distance() -> None:
    weights = [torch.nn.Parameter(torch.ones(3)), torch.nn.Parameter(torch.ones(2))]
    start = StartingPoint(weights, weight=0.5)
    with torch.no_grad():
        weights[0].add_(2.0)
    weights[0].grad = torch.zeros(3)
    start.add_gradient()
    assert weights[0].grad.tolist() == [1.0] * 3 and weights[1].grad is None


def test_replay_takes_its_share_of_the_tokens_and_is_not_judged(run: Run) -> None:
    plain, replayed = run("a"), run("b", retention={"replay": 0.1, "samples": 0})
    tokens = sum(line["tokens"] for line in steps(replayed))
    seen = sum(line.get("replayed", 0) for line in steps(replayed))
    assert 0.08 < seen / tokens < 0.15
    assert not any("replayed" in line for line in steps(plain))
    assert tokens == sum(line["tokens"] for line in steps(plain))


def test_what_holds_a_model_makes_it_forget_less(run: Run) -> None:
    forgot = {
        name: facts(run(str(number), method="full", rate=3e-3, epochs=3, **changes))["retention"]["change"][
            "value"
        ]
        for number, (name, changes) in enumerate(
            {
                "free": {},
                "kl": {"retention": {"replay": 0.0, "samples": 32, "kl": 5.0}},
                "l2_sp": {"retention": {"replay": 0.0, "samples": 0, "l2_sp": 1.0}},
                "mixed": {
                    "retention": {"replay": 0.0, "samples": 0, "interpolate": True, "max_forgotten": 0.0}
                },
            }.items()
        )
    }
    assert forgot["free"] != 0
    assert abs(forgot["kl"]) < abs(forgot["free"])
    assert abs(forgot["l2_sp"]) < abs(forgot["free"])
    assert forgot["mixed"] <= max(forgot["free"], 0) + 1e-6


@pytest.mark.parametrize(
    "changes",
    [
        {"retention": {"replay": 0.2, "samples": 0}},
        {"method": "full", "retention": {"replay": 0.0, "samples": 8, "kl": 0.5, "l2_sp": 0.1}},
        {"method": "gradual", "gradual": {"groups": 2, "until": 0.8}, "schedule": "slanted", "rate": 1e-3},
    ],
)
def test_a_cut_run_ends_with_the_same_bits(run: Run, changes: dict[str, Any]) -> None:
    changes = {**changes, "epochs": 2, "checkpoint_minutes": 1e-9}
    whole = run("a", **changes)

    def cut(what: str, done: int, total: int) -> None:
        if what.startswith("train") and done == whole.steps // 2:
            raise ConnectionError("the plug is pulled")

    with pytest.raises(ConnectionError):
        run("b", cut, **changes)
    resumed = run("b", **changes)
    assert [line["loss"] for line in steps(resumed)] == [line["loss"] for line in steps(whole)]
    assert resumed.tuned.loss == whole.tuned.loss


# ---- the line between base and tuned


def test_the_least_loss_within_the_bound_is_chosen() -> None:
    mixes = [Mix(0.1, 3.0, 0.01), Mix(0.5, 2.0, 0.05), Mix(1.0, 1.0, 0.4)]
    assert choose(mixes, None).share == 1.0
    assert choose(mixes, 0.1).share == 0.5
    assert choose(mixes, 0.0).share == 0.1
    assert choose([replace(mix, forgotten=None) for mix in mixes], 0.1).share == 1.0


@pytest.mark.parametrize(
    ("method", "lora"),
    [("full", {}), *(("lora", {"variant": v}) for v in ("lora", "rslora", "dora", "pissa", "osf"))],
)
def test_the_line_runs_from_the_base_to_the_tuned_weights(
    method: Any, lora: Any, base_path: Path, make_examples: Callable[..., list[Example]]
) -> None:
    examples = make_examples(4)

    def loss(model: Any) -> float:
        return float(score(model, examples, 64)["nll_sum"].sum())

    model, _ = load_base(base_path)
    before = loss(model)
    recipe = tiny.make_recipe(base_path, method=method, lora=lora)
    model = attach(model, recipe, seed=0)
    trained = [(n, p) for n, p in model.named_parameters() if p.requires_grad]
    with torch.no_grad():
        for _, parameter in trained:
            parameter.add_(0.02 * torch.randn_like(parameter))
    after = loss(model)
    base = method_of(recipe).untuned(model, trained, lambda: load_base(base_path)[0])
    line = Line(trained, base)
    mixes = mixes_of(line, lambda: (loss(model), None))
    assert [mix.share for mix in mixes] == list(SHARES)
    assert mixes[-1].loss == pytest.approx(after, abs=1e-3)
    line.set(0.0)
    assert loss(model) == pytest.approx(before, abs=1e-3)


def test_a_run_goes_back_as_far_as_the_rows_say(run: Run) -> None:
    page = facts(run(retention={"replay": 0.0, "samples": 0, "interpolate": True, "max_forgotten": None}))
    assert [mix["share"] for mix in page["mixes"]] == list(SHARES)
    chosen = [mix for mix in page["mixes"] if mix["chosen"]]
    assert len(chosen) == 1
    assert chosen[0]["loss"] == min(mix["loss"] for mix in page["mixes"])
    assert chosen[0]["forgotten"] == pytest.approx(page["retention"]["change"]["value"], abs=1e-4)


# ---- the gate


@pytest.mark.parametrize(
    ("low", "bound", "word"),
    [(0.2, 0.1, "DO NOT USE"), (0.05, 0.1, "NOT ENOUGH EVIDENCE"), (0.05, 0.3, "USE"), (0.2, None, "USE")],
)
def test_what_surely_forgot_more_than_allowed_is_not_to_be_used(
    low: float, bound: float | None, word: str
) -> None:
    better = {"value": -0.5, "low": -0.6, "high": -0.4}
    task = {
        "name": "t", "metric": "exact", "items": 50, "p_better": 1e-6,
        "base": better, "tuned": better, "change": {"value": 0.3, "low": 0.2, "high": 0.4},
    }  # fmt: skip
    kept = {
        "rows": 9,
        "base": 1.0,
        "tuned": 1.3,
        "note": "",
        "change": {"value": 0.3, "low": low, "high": 0.5},
    }
    weighed = weigh(Evidence(None, tasks=[task], kept=kept, max_forgotten=bound))  # type: ignore[arg-type,list-item]
    assert weighed.word == word
    assert ("forgot too much" in weighed.reasons[0]) is (word == "DO NOT USE")


def test_a_run_without_base_rows_is_measured_on_what_the_base_wrote(run: Run) -> None:
    changes = {"method": "full", "rate": 3e-3, "epochs": 3}
    page = facts(run(base_knowledge=None, retention={"samples": 64}, **changes))
    assert page["retention"]["rows"] == 64 and page["retention"]["note"] == FROM_BASE
    assert page["retention"]["change"]["value"] > 0


def test_keys_that_cannot_work_together_are_refused(base_path: Path) -> None:
    with pytest.raises(ValueError, match="samples must be above 0"):
        RetentionRecipe(kl=0.1, samples=0)
    with pytest.raises(RecipeError, match="adapters start at 0"):
        check(TrainingRecipe(base="x", retention=RetentionRecipe(l2_sp=0.1)))
    assert GradualRecipe().groups == 4
