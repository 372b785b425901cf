"""What is asked of training: the request that a run, a search and every arm of a comparison start from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.version import Version
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe


@dataclass(frozen=True)
class Request:
    """Which version to train on, how, and from where.

    base_dir: what paths in the recipes are relative to. recipe_digest: what else names the run, "" for the digest of
    both recipes. seed: instead of the recipe's. exclude: train rows to leave out. max_steps: a bound besides the
    recipe's. monitors: without them nothing is evaluated on the way, the last weights count and no feedback is
    written. next_command: what the page says to do next.
    """

    version: Version
    recipe: TrainingRecipe
    evaluation: EvaluationRecipe = field(default_factory=EvaluationRecipe)
    base_dir: Path = Path()
    recipe_digest: str = ""
    seed: int | None = None
    exclude: pl.Series | None = None
    max_steps: int | None = None
    monitors: bool = True
    next_command: str = "curate recipe.yaml"

    @property
    def run_seed(self) -> int:
        """The seed of the run."""
        return self.recipe.seed if self.seed is None else self.seed

    @property
    def digest(self) -> str:
        """What names the recipe of the run."""
        return self.recipe_digest or recipes_digest(self.recipe, self.evaluation)


def recipes_digest(recipe: TrainingRecipe, evaluation: EvaluationRecipe) -> str:
    """Return the digest of the sections that decide what a run does."""
    return sha256_hex(canonical_json([part.model_dump(mode="json") for part in (recipe, evaluation)]))
