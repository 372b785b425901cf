"""Which rows of a version play which part in a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from tilth.shards.tables import Split
from tilth.shards.version import Version
from tilth.training.recipe import TrainingRecipe
from tilth.training.rows.known import read_known, without_judges
from tilth.training.rows.left_out import left_out, longest, named_rows, require_labels, unshown
from tilth.training.rows.text import Example, Renderer
from tilth.training.rows.token_cache import render


@dataclass(frozen=True)
class Roles:
    """Examples by part. `skipped`: row ids (hex) with nothing to learn, and why. `counts` add up to `rows`."""

    train: list[Example]
    twin: list[Example]
    feedback: list[Example]
    promotion: list[Example]
    base_knowledge: list[Example]
    groups: dict[bytes, str]
    skipped: dict[str, str]
    counts: dict[str, int]
    truncated_rows: int
    truncated_tokens: int
    longest: str  # the train row of which most is cut
    left_out: list[str]  # why rows have nothing to learn, in words, with counts and the first of them
    unshown: list[str]  # what the template passes over, in words, with counts


def assign(
    version: Version,
    renderer: Renderer,
    recipe: TrainingRecipe,
    *,
    base_dir: Path,
    exclude: pl.Series | None = None,
    cache: Path | None = None,
    judging: list[str] | None = None,
) -> Roles:
    """Render the rows of a version, or take them from `cache`, and deal them out.

    Train rows of the folds in `recipe.twin_folds` are withheld as the twin panel; `exclude` names train rows
    to leave out; rows of weight 0 are never drawn. judging: texts that judge the run, which no row of base_knowledge
    may hold. Raises TrainingError where too many rows hold no label.
    """
    samples = version.samples(Split.TRAIN, Split.FEEDBACK, Split.PROMOTION)
    split = samples["split"].cast(pl.String)
    is_train = split == Split.TRAIN.value
    is_twin = is_train & samples["fold"].is_in(list(recipe.twin_folds)).fill_null(False)
    is_excluded = is_train & ~is_twin
    is_excluded &= samples["row_id"].is_in(exclude.implode()) if exclude is not None else False
    is_weightless = is_train & ~is_twin & ~is_excluded & (samples["weight"] == 0).fill_null(False)
    parts = {
        "train": is_train & ~is_twin & ~is_excluded & ~is_weightless,
        "twin": is_twin,
        "feedback": split == Split.FEEDBACK.value,
        "promotion": split == Split.PROMOTION.value,
    }
    whole = render(samples, renderer, cache)
    rendered = {name: whole.of(set(samples["row_id"].filter(chosen))) for name, chosen in parts.items()}
    most, train = renderer.max_tokens, rendered["train"]
    places = named_rows(whole, version) | named_rows(train, version)
    reasons = left_out(train, most, places)
    require_labels(train, int(parts["train"].sum()), f"version {version.short}", reasons)
    skipped = {row.hex(): why for part in rendered.values() for row, why in part.skipped.items()}
    known = read_known(base_dir / recipe.base_knowledge) if recipe.base_knowledge else []
    known, judged = without_judges(known, judging or [], recipe.base_knowledge or "")
    named = samples.select("row_id", "group").drop_nulls()
    counts = {name: int(chosen.sum()) - len(rendered[name].skipped) for name, chosen in parts.items()}
    return Roles(
        **{name: part.examples for name, part in rendered.items()},
        base_knowledge=renderer.render_all(known).examples,
        groups=dict(zip(named["row_id"], named["group"])),
        skipped=skipped,
        counts={
            "rows": samples.height,
            **counts,
            "excluded": int(is_excluded.sum()),
            "weightless": int(is_weightless.sum()),
            "skipped": len(skipped),
        },
        truncated_rows=train.truncated_rows,
        truncated_tokens=train.truncated_tokens,
        longest=longest(train, most, places),
        left_out=[*judged, *left_out(whole, most, places)],
        unshown=unshown(whole),
    )
