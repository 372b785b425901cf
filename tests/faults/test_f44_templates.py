"""Class 44: thousands of rows of one template, and texts over few symbols, take seconds and not minutes.

Time still grows with the square of such rows (docs/lab-notes.md); what is tested is that a pair of siblings costs a
look at their marks and no comparison of shingles.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import polars as pl
import pytest

from tilth.curation.dedup import near_duplicates

ROWS, MAX_CPU_S = 8_000, 5.0  # it was 12 s and more
WORDS = [f"word{n}" for n in range(100)]


def problem(rng: random.Random) -> str:
    """Return one word problem of a template: a hundred words, of which two are numbers."""
    said = list(WORDS)
    said[33], said[66] = (str(rng.randrange(1, 1000)) for _ in range(2))
    return " ".join(said)


def problems() -> tuple[list[str], list[str]]:
    rng = random.Random(44)
    return [problem(rng) for _ in range(ROWS)], ["So it is the number that you see"] * ROWS


def symbols() -> tuple[list[str], list[str]]:
    rng = random.Random(44)
    return [""] * ROWS, [" ".join(rng.choices("abc", k=40)) for _ in range(ROWS)]


@pytest.mark.parametrize("make", [problems, symbols])
def test_rows_of_one_template_take_seconds(make: Callable[[], tuple[list[str], list[str]]]) -> None:
    prompts, answers = make()
    near_duplicates(pl.Series(prompts[:9]), pl.Series(answers[:9]))  # compiles
    started = time.process_time()
    found = near_duplicates(pl.Series(prompts), pl.Series(answers))
    assert time.process_time() - started < MAX_CPU_S
    if make is problems:  # siblings unless one's numbers are all in the other
        numbers = [set(text.split()) - set(WORDS) for text in prompts]
        for index, witness in found.select("index", "witness").iter_rows():
            assert numbers[index] <= numbers[witness] or numbers[witness] <= numbers[index]
