"""Recipes with hostile values: every key that a recipe has, given what no one should write."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

from tilth.workbench.recipes.keys import ITEM, RecipeKey, recipe_keys

NUMBERS = (
    "-1", "0", "1", "-3", "80", "0.5", "1.0000001", "-0.0", ".nan", ".inf", "-.inf", "1e400", "-1e-400", "65536",
    "2147483648", "-9223372036854775809", "18446744073709551616", "1" + "0" * 40, "9" * 5000, "0x10", "0o7", "1_000",
    "1:30", "12e", "true",
)  # fmt: skip
TEXTS = (
    "''", "' '", "'\\0'", '"\\0"', '"\\x1b[2J"', "'..'", "'/'", "'*'", "'['", "'[[]'", "'**/**'", "'%'", "'é'", "'{a}'",
    '"\\ud800"', "'" + "x" * 5000 + "'", "null", "~", "2026-01-01", "2026-01-01T00:00:00Z", "'$('", "'(('", "'a.b'",
)  # fmt: skip
SHAPES = (
    "[]", "{}", "[[]]", "[null]", "[{}]", "{'': 1}", "{a: {b: {c: 1}}}", "[-1]", "[.nan]", "[0, 0, 0, 0, 0, 0, 0, 0]",
    "[a, a]", "{1: 2}", "{null: null}", "{[1, 2]: 3}", "{a: .nan}", "{low: 1}", "[1, x, null, true]", "?", "-", "!!x y",
    "&a [*a]", "{{}: 1}", "|\n  text", "@", "`", "{a: 1, a: 2}", "2001-12-14t21:59:43.10-05:00", "!!binary aGk=",
)  # fmt: skip
ALL = (*NUMBERS, *TEXTS, *SHAPES)


def hostile_recipes(count: int, seed: int, source: str) -> Iterator[str]:
    """Yield recipes of one source, each with one to four keys of hostile values."""
    rng = random.Random(seed)
    keys = [key for key in recipe_keys() if key.path not in ("name", "sources")]
    for number in range(count):
        recipe: dict[str, Any] = {"name": "t", "sources": [{"path": source}]}
        chosen = [keys[number % len(keys)], *rng.sample(keys, rng.choice((0, 0, 1, 3)))]
        for key in chosen:
            _set(recipe, key, rng.choice(_likely(key) if rng.random() < 0.7 else ALL))
        yield _flow(recipe) + "\n"


def _likely(key: RecipeKey) -> tuple[str, ...]:
    if "number" in key.type:
        return NUMBERS
    return (
        SHAPES
        if "list" in key.type or "keys" in key.type
        else (*TEXTS, *key.type.replace("`", "").split(" or "))
    )


class _Raw(str):
    """A value as it stands in YAML."""


def _set(recipe: dict[str, Any], key: RecipeKey, value: str) -> None:
    at: Any = recipe
    *above, last = key.path.split(".")
    for part in above:
        name = part.removesuffix(ITEM)
        if not isinstance(at.get(name), dict | list):
            at[name] = [{}] if part.endswith(ITEM) else {}
        at = at[name][0] if isinstance(at[name], list) else at[name]
    if not isinstance(at.get(last.removesuffix(ITEM)), dict | list):
        at[last] = _Raw(value)


def _flow(value: Any) -> str:
    if isinstance(value, _Raw):
        return value
    if isinstance(value, dict):
        inner = ", ".join(f"{json.dumps(name)}: {_flow(held)}" for name, held in value.items())
        return "{" + inner + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value)
