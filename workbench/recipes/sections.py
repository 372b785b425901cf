"""The sections of a recipe, checked: what every command works with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field

from tilth.curation.reading.limits import ReadLimits
from tilth.curation.reading.source import Source
from tilth.shards.errors import UsageError
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.validators.recipe import Checks, ReportOptions

if TYPE_CHECKING:
    from tilth.curation.recipe import CurationRecipe


class RefreshRecipe(BaseModel):
    """When the loop runs by itself and what may move the served version."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    schedule: str | None = None  # a cron line
    promote: Literal["checks", "training"] = "training"  # what serves a steered version: checks, a comparison
    seeds: int = Field(3, ge=1, le=1000)  # paired seeds of a comparison
    compare_steps: int | None = Field(
        None, ge=1, le=10**12
    )  # budget of each of its runs; null: as long as training


@dataclass(frozen=True)
class Recipe:
    """A checked recipe; paths in it are relative to `base_dir`.

    name: what its versions are called in the store. sources: the files that rows are read from. strict:
    refuse a run whose sources hold what nobody reads. limits: what a line or
    a file may take before it is set aside. curation: the stages, each switched on with its parameters or off with
    null; what is not named runs with its defaults. checks: bounds on the metrics of a version; null switches one off.
    report: what the data page shows. training: how the model is tuned; without it nothing is trained. evaluation: on
    what the model is judged, and how often. refresh: when the loop runs by itself.
    """

    path: Path
    name: str
    sources: tuple[Source, ...]
    strict: bool
    limits: ReadLimits
    curation: CurationRecipe
    checks: Checks
    report: ReportOptions
    training: TrainingRecipe | None
    evaluation: EvaluationRecipe
    refresh: RefreshRecipe

    @property
    def base_dir(self) -> Path:
        """The folder the recipe lies in."""
        return self.path.parent

    def require_training(self) -> TrainingRecipe:
        """Return the training section. Raises UsageError if the recipe has none."""
        if self.training is None:
            raise UsageError(
                str(self.path.name),
                "there is no 'training' section",
                "Nothing was trained",
                "add: training: {base: PATH_OR_HUB_NAME}",
            )
        return self.training
