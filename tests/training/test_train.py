"""A run from a version to a tuned model: what it writes, and that it can stop anywhere (R12, R13)."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from safetensors.torch import load_file

from tests import tiny
from tilth.shards.errors import TrainingError
from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.evaluation import sampled
from tilth.training.model.optim import rate_at
from tilth.training.plan.plan import Plan
from tilth.training.plan.request import Request
from tilth.training.recipe import TrainingRecipe
from tilth.training.run import loop
from tilth.training.run.finished import finished
from tilth.training.run.journal import read
from tilth.training.run.learning import Learning
from tilth.training.train import RunResult, train

Run = Callable[..., RunResult]


@pytest.fixture
def run(store: Store, version: Version, recipe: TrainingRecipe, tmp_path: Path) -> Run:
    """Return a run of the version; keywords of `Request` and `train`, or changes of the recipe."""

    def call(changes: dict[str, Any] | None = None, **keywords: Any) -> RunResult:
        watched = {
            name: keywords.pop(name) for name in ("fresh", "on_progress", "on_plan") if name in keywords
        }
        asked = {"base_dir": tmp_path, "recipe_digest": "r" * 64, "version": version, **keywords}
        changed = recipe.model_copy(update=changes or {})
        return train(Request(recipe=changed, **asked), store, **watched)

    return call


def stop_at(step: int) -> Callable[[str, int, int], None]:
    def report(what: str, done: int, total: int) -> None:
        if what.startswith("train") and done == step:
            raise ConnectionError("the plug is pulled")

    return report


def weights(result: RunResult) -> dict[str, torch.Tensor]:
    return load_file(result.run_dir / "adapter" / "adapter_model.safetensors")


def same(first: RunResult, second: RunResult) -> bool:
    one, two = weights(first), weights(second)
    return one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)


def test_the_page_says_what_the_evaluations_took(run: Run) -> None:
    result = run()
    assert result.lines()[0].startswith(
        f"{result.results['verdict']}  run {result.run_id}: {result.steps:,} steps"
    )
    assert result.lines()[1:] == result.results["reasons"]
    lines = {
        line["quantity"]: line for line in json.loads((result.run_dir / "report.json").read_text())["plan"]
    }
    (found,) = (line for name, line in lines.items() if "evaluations (5% of" in name)
    times = [record for record in read(result.run_dir / "metrics.jsonl") if record["kind"] == "time"]
    assert found["measured"] == pytest.approx(sum(record["evaluation_s"] for record in times))
    panels = next(r for r in read(result.run_dir / "metrics.jsonl") if r["kind"] == "panels")
    steps = lines["time of the steps"]["planned"]
    assert found["planned"] == pytest.approx(panels["planned_share"] * steps, rel=1e-3)


def test_a_run_learns_and_writes_what_it_learned(run: Run, store: Store) -> None:
    result = run()
    assert result.tuned.loss < result.base.loss
    assert store.feedback_digests("sums") == [result.feedback_digest]
    for name in ("metrics.jsonl", "samples.json", "report.html", "report.json", "adapter/tokenizer.json"):
        assert (result.run_dir / name).is_file(), name
    record = json.loads((result.run_dir / "run.json").read_bytes())
    assert record["feedback"] == result.feedback_digest
    assert record["rows"]["rows"] == sum(
        record["rows"][part]
        for part in ("train", "twin", "feedback", "promotion", "excluded", "weightless", "skipped")
    )
    steps = [line for line in read(result.run_dir / "metrics.jsonl") if line["kind"] == "step"]
    assert [line["step"] for line in steps] == list(range(1, result.steps + 1))
    assert sum(line["tokens"] for line in steps) == result.tokens


def test_a_finished_run_is_told_and_not_run_again(
    run: Run, store: Store, version: Version, recipe: TrainingRecipe, tmp_path: Path
) -> None:
    asked = Request(version, recipe, base_dir=tmp_path, recipe_digest="r" * 64)
    assert finished(asked, store) is None
    done, found = run(), finished(asked, store)
    assert found is not None
    assert (found.lines(), found.results, found.feedback_digest) == (
        done.lines(),
        done.results,
        done.feedback_digest,
    )
    assert finished(replace(asked, seed=9), store) is None
    assert finished(replace(asked, recipe=recipe.model_copy(update={"epochs": 9})), store) is None
    (done.run_dir / "run.json").write_text("{}")
    assert finished(asked, store) is None


def test_no_loss_of_a_single_promotion_row_is_written(run: Run, version: Version) -> None:
    result = run()
    promotion = version.samples("promotion")["row_id"].to_list()
    written = [path.read_bytes() for path in result.run_dir.rglob("*") if path.is_file()]
    assert result.tuned.losses["row_id"].to_list() == sorted(promotion)
    assert not any(row.hex().encode() in data or row in data for row in promotion for data in written)


def test_every_adapter_moves(run: Run) -> None:
    moved = [bool(tensor.any()) for name, tensor in weights(run()).items() if "lora_B" in name]
    assert len(moved) == 14
    assert all(moved)


def test_a_run_cut_at_any_step_ends_with_the_same_bits(run: Run, tmp_path: Path) -> None:
    changes = {"lora": {"rank": 4, "alpha": 8, "dropout": 0.1}, "epochs": 2}
    changes["lora"] = TrainingRecipe.model_validate({"base": "x", "lora": changes["lora"]}).lora
    whole = run(changes | {"checkpoint_minutes": 99.0}, fresh=True)
    metrics = [
        (line["step"], line["loss"]) for line in read(whole.run_dir / "metrics.jsonl") if "loss" in line
    ]
    assert whole.steps >= 6
    changes["checkpoint_minutes"] = 1e-9
    for number, step in enumerate((1, 3, whole.steps - 1)):
        with pytest.raises(ConnectionError):
            run(changes, recipe_digest=f"{number}" * 64, on_progress=stop_at(step))
        resumed = run(changes, recipe_digest=f"{number}" * 64)
        assert same(resumed, whole)
        lines = [line for line in read(resumed.run_dir / "metrics.jsonl") if "loss" in line]
        assert [(line["step"], line["loss"]) for line in lines] == metrics
        assert resumed.tuned.loss == whole.tuned.loss


def test_an_interrupted_run_stops_early_where_the_whole_one_does(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        Learning, "_reason_to_stop", lambda self, signals: "enough" if len(self.evaluations) >= 4 else ""
    )
    changes = {"epochs": 3.0, "checkpoint_minutes": 1e-9}
    whole = run(changes, recipe_digest="a" * 64)
    assert whole.stopped_early
    with pytest.raises(ConnectionError):
        run(changes, recipe_digest="b" * 64, on_progress=stop_at(whole.steps - 1))
    resumed = run(changes, recipe_digest="b" * 64)
    assert (resumed.steps, resumed.best_step, resumed.stopped_early) == (whole.steps, whole.best_step, True)
    assert same(resumed, whole)


def test_a_finished_run_is_not_trained_again(run: Run, store: Store) -> None:
    first = run()
    seen: list[str] = []
    again = run(on_progress=lambda what, done, total: seen.append(what))
    assert not any(what.startswith("train") for what in seen)
    assert same(first, again)
    assert again.feedback_digest == first.feedback_digest
    assert len(store.feedback_digests("sums")) == 1


def test_every_phase_is_told_with_how_far_it_is(run: Run) -> None:
    told: list[tuple[str, int, int]] = []
    plans: list[Plan] = []
    result = run(on_progress=lambda *said: told.append(said), on_plan=plans.append)
    phases = list(dict.fromkeys(what.partition(",")[0] for what, _, _ in told))
    assert phases == [
        "load base",
        "judge base",
        "measure",
        "train",
        "judge tuned",
        "look at every row",
        "write",
    ]
    for phase in ("judge base", "judge tuned"):
        *_, (_, done, total) = [said for said in told if said[0].startswith(phase)]
        assert done == total > 0
    trained = [said for said in told if said[0].startswith("train")]
    assert [done for _, done, _ in trained] == list(range(1, result.steps + 1))
    assert re.fullmatch(r"train, loss \d+\.\d{3}, [\d,]+ tokens/s", trained[-1][0])
    assert "judging: about" in "\n".join(plans[0].lines())
    assert "held-out rows" in plans[0].judged_by[0]


def test_what_a_short_run_leaves_out_is_among_its_reasons(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampled, "MIN_TO_DECIDE", 3)
    result = run(max_steps=1)
    (line,) = [reason for reason in result.results["reasons"] if reason.startswith("judged by a sample")]
    rows = result.results["loss"]["rows"]
    assert f", {rows} of " in line
    assert result.base.losses["row_id"].to_list() == result.tuned.losses["row_id"].to_list()
    page = (result.run_dir / "report.html").read_text()
    assert line[:40] in page


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_a_checkpoint_to_go_on_from(run: Run, number: int) -> None:
    whole = run(recipe_digest="a" * 64)

    def ask(what: str, done: int, total: int) -> None:
        if what.startswith("train") and done == 2:
            os.kill(os.getpid(), number)

    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt):
        run(recipe_digest="b" * 64, on_progress=ask)
    assert signal.getsignal(number) is before
    seen: list[tuple[str, int]] = []
    said = lambda what, done, total: seen.append((what.partition(",")[0], done))  # noqa: E731
    resumed = run(recipe_digest="b" * 64, on_progress=said)
    assert ("train", 3) in seen
    assert ("train", 2) not in seen
    assert same(resumed, whole)


def test_a_changed_base_is_named_and_not_resumed(run: Run, recipe: TrainingRecipe, tmp_path: Path) -> None:
    base = tiny.save_base(tmp_path / "own")
    changes = {"base": str(base), "checkpoint_minutes": 1e-9}
    with pytest.raises(ConnectionError):
        run(changes, on_progress=stop_at(2))
    tiny.make_model(seed=1).save_pretrained(base)
    with pytest.raises(TrainingError, match="has changed: base"):
        run(changes)
    (base / "chat_template.jinja").write_text("{# mine #}" + tiny.CHATML)
    with pytest.raises(TrainingError, match="has changed: base, template"):
        run(changes)
    with pytest.raises(TrainingError, match="has changed: base, template, training"):
        run(changes | {"rate": 1e-3})
    assert run(changes, fresh=True).steps > 2


def test_rows_can_be_left_out_and_monitors_off(run: Run, store: Store, version: Version) -> None:
    gone = version.samples("train")["row_id"].head(10)
    result = run(exclude=gone, monitors=False, max_steps=3)
    assert result.steps == 3
    assert result.best_step == 3
    assert result.feedback_digest is None
    assert not store.feedback_digests("sums")
    record = json.loads((result.run_dir / "run.json").read_bytes())
    twin = version.samples("train").filter(pl.col("fold") == 0)["row_id"]
    assert record["rows"]["excluded"] == 10 - gone.is_in(twin.implode()).sum()


def test_a_full_run_trains_every_weight_and_exports_a_model(run: Run) -> None:
    result = run({"method": "full", "rate": 1e-3})
    assert result.tuned.loss < result.base.loss
    assert (result.run_dir / "model" / "model.safetensors").is_file()


def test_seeds_differ_and_repeat(run: Run) -> None:
    first, second = run(seed=1, max_steps=2), run(seed=2, max_steps=2)
    assert first.run_id != second.run_id
    assert not same(first, second)
    assert same(run(seed=1, max_steps=2, fresh=True), first)


def test_a_template_of_ones_own_is_exported_with_the_adapter(run: Run, tmp_path: Path) -> None:
    (tmp_path / "own.jinja").write_text(tiny.CHATML.replace("<|im_end|>\n", "<|im_end|>"))
    result = run({"template": "own.jinja"}, max_steps=1)
    assert (result.run_dir / "adapter" / "chat_template.jinja").read_text() == (
        tmp_path / "own.jinja"
    ).read_text()
    with pytest.raises(TrainingError, match="cannot be read"):
        run({"template": "none.jinja"})


def test_feedback_speaks_of_rows_the_run_has_seen(run: Run, store: Store, version: Version) -> None:
    result = run(max_steps=1)
    _, rows, _ = store.feedback(result.feedback_digest or "")
    twin = rows.filter(pl.col("in_twin"))
    assert (rows.filter(~pl.col("in_twin"))["n_exposures"] > 0).all()
    assert 0 < rows.height - twin.height < version.samples("train").height - twin.height


def test_a_step_is_the_same_however_its_tokens_are_packed(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """R10 and R14 in the loop: neither gradient nor rate depends on how many micro batches a step has."""
    real = loop.clip
    gradients: list[torch.Tensor] = []

    def watch(model: Any, clip_norm: float) -> float:
        gradients.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
        return real(model, clip_norm)

    monkeypatch.setattr(loop, "clip", watch)
    rates = []
    for number, pack_tokens in enumerate((512, 128, 32)):
        digest = f"{number}" * 64
        changes = {"pack_tokens": pack_tokens, "epochs": 2, "warmup": 0.03}
        done = run(changes, recipe_digest=digest, monitors=False)
        steps = [line for line in read(done.run_dir / "metrics.jsonl") if line["kind"] == "step"]
        rates.append([line["rate"] for line in steps])
    assert rates[0] == rates[1] == rates[2]
    assert rates[0] == [
        rate_at(step, total_steps=done.steps, peak=1e-2, warmup=0.03) for step in range(done.steps)
    ]
    firsts = gradients[:: done.steps]
    assert len(firsts) == 3
    for other in firsts[1:]:
        assert (other - firsts[0]).norm() <= 1e-6 * firsts[0].norm()
