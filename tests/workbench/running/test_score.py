"""Scores as a user gets them: scored, named in the recipe, read by curate, bounded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tiny
from tests.drafts import Line, make_draft
from tests.workbench.conftest import Done
from tilth.shards.store import Store

Run = Callable[..., Done]


@pytest.fixture
def version(recipe: Path) -> None:
    lines = [Line(f"Order {n}: who mends it?", f"The desk mends number {n}.") for n in range(40)]
    Store.open(recipe.parent / ".tilth").publish("desk", make_draft(lines))


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return tiny.save_base(tmp_path / "base")


@pytest.mark.usefixtures("version")
def test_scores_are_printed_with_the_lines_for_the_recipe(run: Run, recipe: Path, base: Path) -> None:
    done = run("train", "score", recipe, "--model", base)
    assert done.code == 0, done.err
    assert "rows: 40 = 40 read now + 0 known; without a score: none" in done.out
    assert "scores: [.tilth/scores/desk.parquet]" in done.out
    again = run("train", "score", recipe, "--model", base, "--json").json
    assert (again["rows"], again["reused"], again["tokens"]) == (40, 40, 0)
    assert set(again["quantiles"]) == {"perplexity", "ifd"}
    assert Path(again["path"]).is_file()


def test_train_with_a_recipe_is_what_it_was(run: Run, recipe: Path) -> None:
    help_text = run("train", "--help").out
    assert "Usage: train [OPTIONS] RECIPE" in help_text
    assert "--plan" in help_text
    assert "score  Score every row" in help_text
    missing = run("train", recipe, "--plan")
    assert missing.code == 2
    assert "there is no version of 'desk' yet" in missing.err


def test_without_a_version_the_next_step_is_named(run: Run, recipe: Path) -> None:
    missing = run("train", "score", recipe, "--model", "x")
    assert missing.code == 2
    assert "run: curate recipe.yaml" in missing.err


@pytest.mark.usefixtures("version")
def test_without_a_model_the_next_step_is_named(run: Run, recipe: Path) -> None:
    assert "add: training:" in run("train", "score", recipe).err
    odd = run("train", "score", recipe, "--model", "x", "--scores", "beauty")
    assert odd.code == 2
    assert "there are perplexity, ifd" in odd.err
    nowhere = run("train", "score", recipe, "--model", "nowhere")
    assert "error: model nowhere: there is no folder" in nowhere.err


def test_a_score_drops_a_row_once_the_recipe_bounds_it(run: Run, recipe: Path, base: Path) -> None:
    before = run("curate", recipe, "--json").json
    scored = run("train", "score", recipe, "--model", base, "--json").json
    median = scored["quantiles"]["perplexity"][1]
    scores = f"{{paths: [.tilth/scores/desk.parquet], bounds: {{perplexity: {{high: {median}}}}}}}"
    recipe.write_text(recipe.read_text() + f"  scores: {scores}\n")
    halved = run("curate", recipe, "--json")
    assert halved.code == 0, halved.err
    counts = halved.json["counts"]
    assert counts["kept"] == pytest.approx(before["counts"]["kept"] / 2, abs=2)
    assert counts["lines"] == before["counts"]["lines"]
