"""Which rows of a version play which part in a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

import polars as pl

from tilth.shards.errors import Untrainable
from tilth.shards.tables import Split
from tilth.shards.version import Version
from tilth.training.recipe import TrainingRecipe
from tilth.training.rows.left_out import left_out, longest, named_rows, require_labels, unshown
from tilth.training.rows.text import Example, Rendered, Renderer


class Learner(Protocol):
    """What a method says of rows: which it takes, how they are rendered, and who takes the others."""

    name: ClassVar[str]
    shapes: frozenset[str]

    def render(self, samples: pl.DataFrame, renderer: Renderer, cache: Path | None) -> Rendered:
        """Return the examples of rows of its shapes."""

    def advice(self, shape: str) -> str:
        """Return what to do with rows of a shape that it does not take."""


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
    untaken: dict[str, int]  # rows of shapes that the method does not learn from, by shape
    unshown: list[str]  # what the template passes over, in words, with counts


def assign(
    version: Version,
    renderer: Renderer,
    recipe: TrainingRecipe,
    learner: Learner,
    *,
    known: Sequence[dict[str, Any]] = (),
    exclude: pl.Series | None = None,
    cache: Path | None = None,
) -> Roles:
    """Render the rows of a version, or take them from `cache`, and deal them out.

    Train rows of the folds in `recipe.twin_folds` are withheld as the twin panel; `exclude` names train rows
    to leave out; rows of weight 0 are never drawn; rows of a shape that `learner` does not take are counted and left
    out. known: rows of the base's domain. Raises TrainingError where too many rows hold no label, or none is of a
    shape that is taken.
    """
    everything = version.samples(Split.TRAIN, Split.FEEDBACK, Split.PROMOTION)
    samples, untaken = _taken(everything, learner, version)
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
    whole = learner.render(samples, renderer, cache)
    rendered = {name: whole.of(set(samples["row_id"].filter(chosen))) for name, chosen in parts.items()}
    most, train = renderer.max_tokens, rendered["train"]
    places = named_rows(whole, version) | named_rows(train, version)
    reasons = left_out(train, most, places)
    require_labels(train, int(parts["train"].sum()), f"version {version.short}", reasons)
    skipped = {row.hex(): why for part in rendered.values() for row, why in part.skipped.items()}
    named = samples.select("row_id", "group").drop_nulls()
    counts = {name: int(chosen.sum()) - len(rendered[name].skipped) for name, chosen in parts.items()}
    return Roles(
        **{name: part.examples for name, part in rendered.items()},
        base_knowledge=renderer.render_all(list(known)).examples,
        groups=dict(zip(named["row_id"], named["group"])),
        skipped=skipped,
        counts={
            "rows": everything.height,
            **counts,
            "excluded": int(is_excluded.sum()),
            "weightless": int(is_weightless.sum()),
            "skipped": len(skipped),
            "of another shape": sum(untaken.values()),
        },
        truncated_rows=train.truncated_rows,
        truncated_tokens=train.truncated_tokens,
        longest=longest(train, most, places),
        left_out=[*left_out(whole, most, places), *_of_others(untaken, learner)],
        untaken=untaken,
        unshown=unshown(whole),
    )


def _taken(samples: pl.DataFrame, learner: Learner, version: Version) -> tuple[pl.DataFrame, dict[str, int]]:
    """Return the rows of a learner's shapes, and how many there are of every other shape.

    Raises Untrainable where it takes none of the train rows, though there are some.
    """
    shape = samples["shape"].cast(pl.String)
    is_taken = shape.is_in(sorted(learner.shapes))
    untaken = dict(shape.filter(~is_taken).value_counts(sort=True).iter_rows())
    is_train = samples["split"].cast(pl.String) == Split.TRAIN.value
    if untaken and not (is_taken & is_train).any():
        raise Untrainable(
            f"version {version.short}",
            f"its rows are {' and '.join(untaken)} rows, which {learner.name} does not learn from",
            "Nothing was trained",
            learner.advice(next(iter(untaken))),
        )
    return samples.filter(is_taken), untaken


def _of_others(untaken: dict[str, int], learner: Learner) -> list[str]:
    """Return a line for every shape that is left out, with the count of its rows and what to do with them."""
    return [
        f"{count:,} {shape} row{'s' * (count > 1)}: {learner.name} does not learn from them; {learner.advice(shape)}"
        for shape, count in untaken.items()
    ]
