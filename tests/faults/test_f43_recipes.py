"""Class 43: whatever a recipe says ends in a run, or in exit 2 and its line; never in a traceback or a signal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.faults.decided import write_lines
from tests.faults.recipes import hostile_recipes
from tests.faults.test_f17_determinism import NO_CHECKS
from tests.reading import FULL
from tests.workbench.conftest import Done, question
from tilth.curation.dedup import near_duplicates, semantic_duplicates
from tilth.curation.dedup.signatures import signatures
from tilth.curation.similarity.overlap import overlaps
from tilth.curation.similarity.shingles import describe, gram_lists
from tilth.shards.errors import UsageError
from tilth.workbench.recipes.keys import ITEM, RecipeKey, recipe_keys
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.recipes.schema import recipe_schema

Run = Callable[..., Done]
RECIPES, RUNS = (6_000, 60) if FULL else (250, 2)
NEVER = (".nan", ".inf", "-.inf", "1e400", "-1000001", "9" * 40, "[1]", "{a: 1}", "'x'")


def numbers() -> list[RecipeKey]:
    kinds = ("number", "whole number", "number or null", "whole number or null")
    return [key for key in recipe_keys() if key.type in kinds and not key.path.startswith("sources")]


def test_every_number_of_a_recipe_has_both_ends() -> None:
    def unbounded(part: Any, path: str) -> Iterator[str]:
        if isinstance(part, dict):
            if part.get("type") in ("integer", "number") and "const" not in part:
                low, high = ("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")
                if not (any(k in part for k in low) and any(k in part for k in high)):
                    yield path
            for name, inner in part.items():
                yield from unbounded(inner, f"{path}/{name}")
        elif isinstance(part, list):
            for index, inner in enumerate(part):
                yield from unbounded(inner, f"{path}/{index}")

    assert list(unbounded(recipe_schema(), "")) == []


def test_no_number_may_be_what_it_never_is(tmp_path: Path) -> None:
    write_lines(tmp_path / "rows.jsonl", [question(0)])
    recipe = tmp_path / "recipe.yaml"
    for number, key in enumerate(numbers()):
        inside = key.path.split(".")
        for value in NEVER if FULL else (NEVER[number % 2], NEVER[2 + number % 7]):
            held = value
            for part in reversed(inside):
                name = part.removesuffix(ITEM)
                held = f"{{{name}: [{held}]}}" if part.endswith(ITEM) else f"{{{name}: {held}}}"
            recipe.write_text(f"name: t\nsources: [{{path: rows.jsonl}}]\n\n{held[1:-1]}\n")
            with pytest.raises(UsageError, match=rf"^recipe\.yaml:4: {inside[0]}") as refused:
                load(recipe)
            assert refused.value.exit_code == 2, (key.path, value)


def test_hostile_recipes_run_or_are_refused(run: Run, tmp_path: Path) -> None:
    write_lines(tmp_path / "rows.jsonl", [question(n) for n in range(12)])
    recipe = tmp_path / "recipe.yaml"
    left = RUNS
    for number, text in enumerate(hostile_recipes(RECIPES, 43, "rows.jsonl")):
        recipe.write_text(text)
        try:
            load(recipe)
        except UsageError:
            continue
        if left and '"checks"' not in text:
            left -= 1
            recipe.write_text(f"{text.strip()[:-1]}, {NO_CHECKS.strip()}}}\n")
            assert run("curate", recipe, "--store", tmp_path / f"store{number}").code in (0, 1, 2, 3), text
    assert left == 0


TEXTS = pl.Series(["one two three four five six", "seven eight"])
TURNS = pl.DataFrame({"row": [0], "turn": [0], "text": ["one two three"]})
ITEMS = pl.DataFrame({"item": [0], "text": ["one two three"]})


@pytest.mark.parametrize(
    "call",
    [
        lambda: describe(TEXTS, -1),
        lambda: describe(TEXTS, 0),
        lambda: gram_lists(TEXTS, -3),
        lambda: signatures(TEXTS, shingle_words=-2),
        lambda: signatures(TEXTS, permutations=0),
        lambda: overlaps(TURNS, ITEMS, 0, 10),
        lambda: near_duplicates(TEXTS, jaccard=80),
        lambda: near_duplicates(TEXTS, jaccard=float("nan")),
        lambda: near_duplicates(TEXTS, shingle_words=-1),
        lambda: near_duplicates(TEXTS, TEXTS[:1]),
        lambda: semantic_duplicates(TEXTS, cosine=2),
        lambda: semantic_duplicates(TEXTS, vectors=np.zeros((1, 4))),
    ],
)
def test_kernels_refuse_what_they_cannot_be_given(call: Callable[[], object]) -> None:
    with pytest.raises(ValueError, match=r"must|from"):
        call()
