"""What is asked of training: the request that a run, a search and every arm of a comparison start from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from tilth.shards.digest import canonical_json, file_sha256, sha256_hex
from tilth.shards.version import Version
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe


@dataclass(frozen=True)
class Request:
    """Which version to train on, how, and from where.

    base_dir: what paths in the recipes are relative to. recipe_digest: what else names the run, "" for the digest of
    both recipes. seed: instead of the recipe's. exclude: train rows to leave out. max_steps: a bound besides the
    recipe's. monitors: without them nothing is evaluated on the way, the last weights count and no feedback is
    written. recipe_name: what commands call the recipe.
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
    recipe_name: str = "recipe.yaml"

    @property
    def run_seed(self) -> int:
        """The seed of the run."""
        return self.recipe.seed if self.seed is None else self.seed

    @property
    def digest(self) -> str:
        """What names the recipe of the run."""
        return self.recipe_digest or recipes_digest(self.recipe, self.evaluation)

    @property
    def named_by(self) -> dict[str, str]:
        """What the id of the run is made of."""
        left_out = [] if self.exclude is None else sorted(row.hex() for row in self.exclude)
        return {
            "version": self.version.id,
            "recipe": self.digest,
            "seed": str(self.run_seed),
            "exclude": sha256_hex(canonical_json(left_out)),
            "monitors": str(self.monitors),
            "max_steps": str(self.max_steps),
        }

    def files(self) -> dict[str, str]:
        """Return the sha256 of each file beside base and version that the run reads, by its path in the recipe.

        Those that cannot be read are left to whoever needs them.
        """
        named = [task.path for task in self.evaluation.tasks]
        named += [path for path in (self.recipe.template, self.recipe.base_knowledge) if path]
        files = {path: self.base_dir / path for path in sorted(set(named))}
        return {path: file_sha256(file) for path, file in files.items() if file.is_file()}

    @property
    def run_id(self) -> str:
        """The id of the run."""
        return sha256_hex(canonical_json(self.named_by))[:16]


def recipes_digest(recipe: TrainingRecipe, evaluation: EvaluationRecipe) -> str:
    """Return the digest of the sections that decide what a run does."""
    return sha256_hex(canonical_json([part.model_dump(mode="json") for part in (recipe, evaluation)]))
