"""Choosing a base: a better one is found by short runs, and a hopeless one is not run at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests import tiny
from tilth.shards.errors import UsageError
from tilth.shards.store import Store
from tilth.shards.tables import Split
from tilth.shards.version import Version
from tilth.training.plan.job import prepare
from tilth.training.plan.request import Request
from tilth.training.recipe import TrainingRecipe
from tilth.training.search import choose_base as bases
from tilth.training.search.choose_base import choose_base
from tilth.training.search.short_run import ShortRuns

MADE: dict[str, Any] = {"recipe_digest": "0" * 64}


def job_of(recipe: TrainingRecipe, version: Version, store: Store, folder: Path) -> Any:
    return prepare(Request(version, recipe, base_dir=folder, **MADE), store)


@pytest.fixture
def trained(recipe: TrainingRecipe, version: Version, store: Store, tmp_path: Path) -> Path:
    """A base that has learned something of these sums, and can learn more."""
    full = recipe.model_copy(update={"method": "full", "batch_tokens": 256})
    runs = ShortRuns(job_of(full, version, store, tmp_path))
    runs.train(1e-2, 2_000)
    runs.model.save_pretrained(tmp_path / "trained")
    tiny.make_tokenizer().save_pretrained(tmp_path / "trained")
    return tmp_path / "trained"


def test_the_base_that_knows_the_task_is_first(
    recipe: TrainingRecipe,
    version: Version,
    store: Store,
    tmp_path: Path,
    trained: Path,
    base_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bases, "HOPELESS", 1.0)
    recipe = recipe.model_copy(
        update={"bases": (str(base_path), str(trained)), "batch_tokens": 128, "epochs": 2, "method": "full"}
    )
    choice = choose_base(Request(version, recipe, base_dir=tmp_path, **MADE), store)
    assert choice.chosen.base == str(trained)
    assert choice.chosen.predicted is not None
    assert choice.chosen.predicted < choice.chosen.bits_per_byte
    # No short run was spent on the base that is far behind.
    assert [c.predicted is None for c in choice.candidates] == [False, True]
    assert [line["rows"] for line in choice.curve()] == sorted(line["rows"] for line in choice.curve())
    assert choice.curve()[0]["tuned"] < choice.curve()[0]["from_scratch"]
    assert len(list((store.root / "cache" / "bases").glob("*.json"))) == 1
    assert choice.lines()[-1].startswith("cost: ")


def test_bases_that_race_are_ranked_by_their_longest_runs_at_the_price_of_what_was_run(
    recipe: TrainingRecipe,
    version: Version,
    store: Store,
    tmp_path: Path,
    trained: Path,
    base_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    spent: list[float] = []
    nll = ShortRuns.nll

    def counted(runs: ShortRuns, examples: Any) -> tuple[float, int]:
        found = nll(runs, examples)
        spent.append(runs.tokens * runs.job.plan.parameters)
        return found

    monkeypatch.setattr(ShortRuns, "nll", counted)
    recipe = recipe.model_copy(
        update={"bases": (str(base_path), str(trained)), "batch_tokens": 128, "epochs": 2, "method": "full"}
    )
    choice = choose_base(Request(version, recipe, base_dir=tmp_path, **MADE), store)
    first, second = choice.candidates
    assert choice.chosen.base == str(trained)
    assert choice.finalists == 2
    assert first.points[-1][1] < second.points[-1][1]
    assert first.longest == pytest.approx(second.longest)
    assert [rows for rows, _ in first.points] == sorted(rows for rows, _ in first.points)
    assert [rows for rows, _ in choice.scratch.points] == [rows for rows, _ in first.points]
    full = [
        job_of(recipe.model_copy(update={"base": c.base}), version, store, tmp_path) for c in (first, second)
    ]
    # Eight measurements: untuned and in three rounds, each at the end of what was run of one base.
    assert choice.cost * sum(j.plan.parameters * j.plan.tokens for j in full) == pytest.approx(sum(spent[:8]))


def test_fewer_than_two_bases_are_refused_by_the_key(
    recipe: TrainingRecipe, version: Version, store: Store, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=r"training\.bases"):
        choose_base(Request(version, recipe, base_dir=tmp_path, **MADE), store)


def test_answers_are_counted_in_bytes(version: Version) -> None:
    samples = version.samples(Split.FEEDBACK)
    wanted = sum(
        len(turn["text"].encode())
        for turns in samples["turns"]
        for turn in turns
        if turn["role"] == "assistant"
    )
    assert bases.answer_bytes(samples, samples["row_id"]) == wanted


def test_every_short_run_begins_with_the_untuned_weights(
    recipe: TrainingRecipe, version: Version, store: Store, tmp_path: Path
) -> None:
    for method in ("lora", "full", "gradual"):
        runs = ShortRuns(job_of(recipe.model_copy(update={"method": method}), version, store, tmp_path))
        rows = runs.job.roles.feedback
        runs.train(1e-2, 1024)
        tuned = runs.nll(rows)
        runs.train(3e-2, 512)
        runs.train(1e-2, 1024)
        assert runs.nll(rows) == tuned
        trainable = sum(p.numel() for p in runs.model.parameters() if p.requires_grad)
        runs.reset()
        assert trainable == sum(p.numel() for p in runs.model.parameters() if p.requires_grad)
        assert not torch.equal(torch.tensor(tuned[0]), torch.tensor(runs.nll(rows)[0]))
