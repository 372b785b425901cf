"""Bounds on measures whose names only the recipe knows: {ifd: {high: 1.0}, perplexity: {high: 500}}."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from tilth.curation.stage import Number, Rule
from tilth.shards.errors import RecipeError
from tilth.shards.tables import Verdict

Bounds = dict[str, dict[Literal["low", "high"], Number]]


def bounded(bounds: Bounds, known: Iterable[str], key: tuple[str, ...], verdict: Verdict) -> tuple[Rule, ...]:
    """Return a rule for each bound, reason `MEASURE_too_low` or `MEASURE_too_high`.

    Raises RecipeError for a measure that is not one of `known`.
    """
    names = sorted(known)
    rules = []
    for name, sides in sorted(bounds.items()):
        if name not in names:
            raise RecipeError((*key, name), "there is no such number", f"there are {', '.join(names)}")
        for side, value in sorted(sides.items()):
            low, high = (value, None) if side == "low" else (None, value)
            rules.append(Rule(name, f"{name}_too_{side}", low=low, high=high, verdict=verdict))
    return tuple(rules)
