"""Scoring as a person runs it: which rows, with which model, and what to write into the recipe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.markup import escape

from tilth.shards.errors import UsageError
from tilth.workbench.running.train import next_curate
from tilth.workbench.screen import shown

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.progress import Progress
    from tilth.shards.store import Store
    from tilth.shards.version import Version
    from tilth.training.scores.scoring import Scored
    from tilth.workbench.recipes.sections import Recipe

SCORED = "scores"
QUANTILES = (0.05, 0.5, 0.95)


def version_to_score(recipe: Recipe, store: Store, version_id: str | None) -> Version:
    """Return the version asked for, or the candidate: scores go by text, so an older one serves as well.

    Raises UsageError if there is none.
    """
    version = store.version(version_id) if version_id else store.candidate(recipe.name)
    if version is None:
        raise UsageError(
            recipe.path.name,
            f"there is no version of {recipe.name!r} yet",
            "Nothing was scored",
            f"run: {next_curate(recipe)}; where it asks for scores, once with --set curation.scores=null",
        )
    return version


def score_rows(
    recipe: Recipe,
    store: Store,
    *,
    model: str | None,
    scores: str,
    version_id: str | None,
    on_progress: Progress | None = None,
) -> Scored:
    """Score a version with a model (default: the recipe's base) and keep a receipt.

    Raises UsageError for a score that does not exist.
    """
    from tilth.training.scores.scoring import SCORES, Scorer, Shown, score_version

    wanted = tuple(dict.fromkeys(name.strip() for name in scores.split(",")))
    if not set(wanted) <= set(SCORES):
        raise UsageError(f"--scores {scores}", f"not all of these are scores; there are {', '.join(SCORES)}")
    version = version_to_score(recipe, store, version_id)
    training = recipe.training if recipe.training and not model else None
    name = model or recipe.require_training().base
    path = training.template if training else None
    shown = Shown(
        template=(recipe.base_dir / path).read_text(encoding="utf-8") if path else None,
        system=training.system if training else "keep",
        tools=training.tools if training else "keep",
    )
    scorer = Scorer.load(
        name,
        recipe.base_dir,
        shown=shown,
        device=recipe.training.device if recipe.training else "auto",
        scores=wanted,
    )
    scored = score_version(version, store, scorer, on_progress=on_progress)
    figures = {"rows": scored.rows, "tokens": scored.tokens, "seconds": round(scored.seconds, 3)}
    store.add_receipt(SCORED, scored.digest, {**figures, "name": recipe.name, "model": name})
    return scored


def as_dict(scored: Scored) -> dict[str, Any]:
    """Return what was scored as plain JSON values."""
    return {
        "path": str(scored.path),
        "object": scored.digest,
        "rows": scored.rows,
        "reused": scored.reused,
        "unscored": scored.unscored,
        "tokens": scored.tokens,
        "seconds": round(scored.seconds, 3),
        "quantiles": {name: list(quantiles(scored.frame[name])) for name in names_of(scored.frame)},
    }


def names_of(frame: pl.DataFrame) -> list[str]:
    """Return the names of the scores in a table of scores."""
    return [name for name, dtype in frame.schema.items() if dtype == pl.Float64]


def quantiles(values: pl.Series) -> tuple[float | None, ...]:
    """Return the 5th, 50th and 95th percentile, null where nothing has a score."""
    found = (values.quantile(q) for q in QUANTILES)
    return tuple(None if value is None else round(value, 4) for value in found)


def show(screen: Console, recipe: Recipe, scored: Scored) -> None:
    """Print what the scores look like, what has none, how fast it went, and the lines for the recipe."""
    for name in names_of(scored.frame):
        low, middle, high = quantiles(scored.frame[name])
        screen.print(f"{name}: median {middle}, 5 % below {low}, 5 % above {high}")
    reasons = ", ".join(f"{count:,} {escape(reason)}" for reason, count in scored.unscored.items())
    new = scored.rows - scored.reused
    speed = scored.tokens / max(scored.seconds, 1e-9)
    screen.print(
        f"rows: {scored.rows:,} = {new:,} read now + {scored.reused:,} known; "
        f"without a score: {reasons or 'none'}"
    )
    screen.print(f"speed: {scored.tokens:,} tokens in {scored.seconds:.1f} s, {speed:,.0f} tokens/s")
    show_recipe_lines(screen, recipe, scored.path, scored.digest)


def show_recipe_lines(screen: Console, recipe: Recipe, path: Path, digest: str) -> None:
    """Print where the scores lie and how curation comes to read them."""
    name = os.path.relpath(path, recipe.base_dir)
    screen.print(f"scores: {shown(path)} (object {digest[:12]})")
    screen.print(f"to read them, in {shown(recipe.path.name)}:\n  curation:\n    scores: \\[{escape(name)}]")
    screen.print("to drop by them: scores: {paths: \\[…], bounds: {ifd: {high: 1.0}}}")
    screen.print(f"next: {shown(next_curate(recipe))}")
