"""A run that is finished already: what was asked for again is told, not judged again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilth.shards.store import Store
from tilth.training.model.base import base_digest, find_base
from tilth.training.plan.request import Request

RECORD, PAGE_FACTS = "run.json", "report.json"


@dataclass(frozen=True)
class Finished:
    """What a run came to, as it stands in its folder."""

    run_id: str
    run_dir: Path
    steps: int
    tokens: int
    best_step: int
    stopped_early: bool
    feedback_digest: str | None
    results: dict[str, Any]
    seconds: float
    peak_bytes: int

    def lines(self) -> list[str]:
        """Return the word, what the run took, and its reasons."""
        took = f"{self.steps:,} steps, {self.tokens:,} tokens, best at step {self.best_step:,}"
        took += f", {self.seconds:.1f} s, peak {self.peak_bytes / 2**20:,.0f} MiB"
        return [f"{self.results['verdict']}  run {self.run_id}: {took}", *self.results["reasons"]]


def finished(request: Request, store: Store) -> Finished | None:
    """Return the run that was asked for if it is finished, from the same base and files; None to run it."""
    folder = store.root / "runs" / request.run_id
    try:
        record = json.loads((folder / RECORD).read_bytes())
        base = base_digest(find_base(request.recipe.base, request.base_dir))
        if (request.files(), base) != (record["files"], record["inputs"]["base"]):
            return None
        if not _agrees(request.recipe.model_dump(mode="json", exclude_unset=True), record["training"]):
            return None
        if not (folder / PAGE_FACTS).is_file():
            return None
        kept = {name: record[name] for name in ("steps", "tokens", "best_step", "stopped_early", "results")}
        return Finished(
            run_id=record["run_id"],
            run_dir=folder,
            feedback_digest=record["feedback"],
            seconds=record["seconds"],
            peak_bytes=record["peak_bytes"],
            **kept,
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _agrees(asked: Any, ran: Any) -> bool:
    """Whether a run was made with the settings asked for; what the recipe leaves open was set by its rows and base."""
    if isinstance(asked, dict) and isinstance(ran, dict):
        return all(key in ran and _agrees(asked[key], ran[key]) for key in asked)
    return asked is None or bool(asked == ran)
