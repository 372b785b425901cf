"""The sections of a recipe, checked: what every command works with."""

from __future__ import annotations

import zoneinfo
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from tilth.curation.reading.limits import ReadLimits
from tilth.curation.reading.source import Source
from tilth.shards.errors import UsageError
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.validators.recipe import Checks, Expectation, ReportOptions

if TYPE_CHECKING:
    from tilth.curation.recipe import CurationRecipe

Event = Literal["start", "success", "failure", "gate", "promotion", "approval"]


class Notify(BaseModel):
    """An address that is told what happens to a refresh.

    url: http:// or https://. on: which events. secret: the environment variable that holds the key of the signature.
    heartbeat: a GET after every run that did what it should, and nothing else.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    url: str = Field(pattern=r"^https?://[^\s/]+\S*$")
    on: tuple[Event, ...] = ("failure", "gate", "promotion", "approval")
    secret: str | None = Field(None, min_length=1)
    heartbeat: bool = False


class RefreshRecipe(BaseModel):
    """When the loop runs by itself, what may move the served version, and who is told."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
    schedule: str | None = None  # a cron line
    when: Literal["schedule", "drift"] = (
        "schedule"  # a run at every moment of it, or only where new rows are unlike those served
    )
    drift_bits: float = Field(0.02, ge=0, le=1)  # from which on they are unlike; see checks.max_drift_bits
    timezone: str | None = None  # IANA name of the zone it is read in; null: that of the machine
    promote: Literal["checks", "training", "approval"] = (
        "training"  # what serves it: checks, comparison, a person
    )
    seeds: int = Field(3, ge=1, le=1000)  # paired seeds of a comparison
    compare_steps: int | None = Field(
        None, ge=1, le=10**12
    )  # budget of each of its runs; null: as long as training
    retries: int = Field(3, ge=0, le=10)  # of one run, for faults that may pass by themselves
    notify: tuple[Notify, ...] = ()  # who is told of what
    textfile: str | None = None  # a file of gauges for Prometheus, relative to the recipe

    @field_validator("timezone")
    @classmethod
    def _check_timezone(cls, name: str | None) -> str | None:
        if name is not None:
            try:
                zoneinfo.ZoneInfo(name)
            except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
                raise ValueError(f"no time zone is called {name!r}; say for example Europe/Berlin") from None
        return name


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

    def expectations(self) -> tuple[Expectation, ...]:
        """Return what its checks expect of rows, and what the suite expects that they name. Raises UsageError."""
        if self.checks.suite is None:
            return self.checks.expect or ()
        from tilth.validators.suite import read_suite

        return (*(self.checks.expect or ()), *read_suite(self.base_dir / self.checks.suite))

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
