"""A search of the learning rate as it is kept beside the versions: written by the search, read by the run."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.sealed import read_sealed, write_sealed
from tilth.training.plan.job import Job
from tilth.validators.facts.run import RateSearchFacts, RateTrial


@dataclass(frozen=True)
class Trial:
    """One short run: loss in nat/token on feedback rows, None where it was no longer finite."""

    rate: float
    steps: int
    loss: float | None


@dataclass(frozen=True)
class RateSearch:
    """What a search found. test: (rate, loss of the step) of the range test; tokens: what the search cost."""

    rate: float
    guess: float
    bound: float
    diverged: bool
    base_loss: float
    test: list[tuple[float, float]]
    trials: list[Trial]
    tokens: int
    planned_tokens: int

    def to_dict(self) -> dict[str, Any]:
        """Return the search as plain JSON values."""
        return {**asdict(self), "test": [list(point) for point in self.test]}

    def lines(self) -> list[str]:
        """Return the range test, the short runs, and what the search cost, in words."""
        ended = "the loss diverged beyond it" if self.diverged else "the test ended there without diverging"
        lowest = min(loss for _, loss in self.test)
        return [
            f"size rule: {self.guess:g}; range test: at most {self.bound:.2g} ({ended})",
            *(f"  {rate:8.2g}  {loss:7.3f}  {_bar(loss / lowest)}" for rate, loss in self.test),
            f"short runs, loss on feedback rows (untuned {self.base_loss:.3f} nat/token):",
            *(f"  {t.rate:8.2g}  {t.steps:4} steps  {_loss(t.loss)}" for t in self.trials),
            f"cost: {self.tokens:,} tokens, {self.tokens / self.planned_tokens:.1%} of the planned run's",
        ]


def _bar(height: float) -> str:
    return "▇" * round(min(40, 12 * height))


def _loss(loss: float | None) -> str:
    return "not finite" if loss is None else f"{loss:.3f}"


def keep(job: Job, found: RateSearch) -> None:
    """Keep a search for the runs of its version, base, method and recipe."""
    write_sealed(_path(job), canonical_json(found.to_dict()))


def stored(job: Job) -> RateSearch | None:
    """Return the search kept for this version, base, method and recipe, whatever its rate; None without one."""
    try:
        kept = json.loads(read_sealed(_path(job)))
        kept["test"] = [(rate, loss) for rate, loss in kept["test"]]
        kept["trials"] = [Trial(**trial) for trial in kept["trials"]]
        return RateSearch(**kept)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def rate_facts(found: RateSearch, used: float) -> RateSearchFacts:
    """Return a search as the run page shows it, beside the rate that the run used."""
    return RateSearchFacts(
        used=used,
        chosen=found.rate,
        guess=found.guess,
        bound=found.bound,
        diverged=found.diverged,
        tokens=found.tokens,
        planned_tokens=found.planned_tokens,
        test_rate=[rate for rate, _ in found.test],
        test_loss=[loss for _, loss in found.test],
        trials=[RateTrial(rate=t.rate, steps=t.steps, loss=t.loss) for t in found.trials],
    )


def _path(job: Job) -> Path:
    settings = job.recipe.model_dump(
        mode="json", exclude={"rate", "seed", "reload", "merge", "loggers", "bases"}
    )
    key = sha256_hex(canonical_json([job.version.id, job.inputs["base"], job.inputs["template"], settings]))
    return job.store.root / "cache" / "rates" / f"{key[:32]}.rate"
