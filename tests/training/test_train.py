from __future__ import annotations

from pathlib import Path

from tilth.shards.store import Store
from tilth.shards.version import Version
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.training.train import train


def test_a_run_learns_writes_feedback_and_starts_nothing_anew(
    store: Store, version: Version, recipe: TrainingRecipe, tmp_path: Path
) -> None:
    arguments = dict(base_dir=tmp_path, recipe_digest="r" * 64)
    result = train(recipe, EvaluationRecipe(), version, store, **arguments)
    assert result.tuned.loss < result.base.loss
    assert store.feedback_digests("sums") == [result.feedback_digest]
    for name in (
        "run.json",
        "metrics.jsonl",
        "samples.json",
        "report.html",
        "adapter/adapter_model.safetensors",
    ):
        assert (result.run_dir / name).is_file(), name
