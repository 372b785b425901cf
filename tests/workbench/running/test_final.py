"""A release is scored on its sealed rows once, and the receipt says what came of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests import tiny
from tests.workbench.conftest import Done
from tilth.shards.store import Store

Run = Callable[..., Done]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    """Return a recipe whose served version was trained, with a tenth of its rows sealed."""
    base = tiny.save_base(tmp_path / "base")
    recipe = tmp_path / "recipe.yaml"
    settings = (
        "rate: 0.01, batch_tokens: 512, pack_tokens: 256, epochs: 1, merge: false, reload: false, device: cpu"
    )
    training = f"{{base: {base}, {settings}, retention: {{samples: 0}}}}"
    recipe.write_text(f"name: sums\nsources: [{{path: rows.jsonl}}]\ntraining: {training}\n")
    (tmp_path / "rows.jsonl").write_text('{"prompt": "1 plus 2?", "response": "3"}\n')
    return recipe


def served(recipe: Path, *, sealed: bool = True) -> None:
    from tilth.workbench.recipes.recipe_file import load
    from tilth.workbench.running.train import train_version

    store, lines = Store.open(recipe.parent / ".tilth"), tiny.sums()
    if sealed:
        for line in lines[7::10]:
            line.decision["split"] = "final"
    version = tiny.make_version(store, lines)
    store.promote("sums")
    train_version(load(recipe), store, version)


def test_a_release_is_scored_once(run: Run, release: Path) -> None:
    served(release)
    first = run("train", "final", release, "--json")
    assert first.code == 0, first.err
    assert (first.json["rows"], first.json["again"], first.json["is_step"]) == (12, False, True)
    assert first.json["loss"]["tuned"]["value"] < first.json["loss"]["base"]["value"]
    again = run("train", "final", release)
    assert "final, 12 sealed rows" in again.out and "is scored on `final` once" in again.out
    assert len(Store.open(release.parent / ".tilth").receipts("final")) == 1


def test_without_a_release_or_sealed_rows_the_next_step_is_named(run: Run, release: Path) -> None:
    nothing = run("train", "final", release)
    assert nothing.code == 2 and "it serves nothing yet" in nothing.err
    served(release, sealed=False)
    unsealed = run("train", "final", release)
    assert unsealed.code != 0 and "curation.split.final" in unsealed.err
