"""Overlap with evaluation items agrees with a plain search."""

from __future__ import annotations

import random

import polars as pl
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.row_frames import words
from tilth.curation.similarity.overlap import overlaps

Turn = tuple[int, int, str]


@st.composite
def pools(draw: st.DrawFn) -> tuple[list[Turn], list[str], int, int]:
    """Turns that hold pieces of the items, in a small vocabulary so that grams recur."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    vocabulary = [f"w{i}" for i in range(rng.choice((3, 30)))]
    items = [" ".join(rng.choices(vocabulary, k=rng.randrange(1, 25))) for _ in range(5)]
    turns = []
    for row in range(draw(st.integers(1, 15))):
        for turn in range(rng.choice((1, 2))):
            source = rng.choice(items).split()
            a, b = sorted(rng.choices(range(len(source) + 1), k=2))
            filler = rng.choices(vocabulary, k=rng.randrange(0, 8))
            turns.append((row, turn, ", ".join([*filler, *source[a:b], *filler[::-1]])))
    return turns, items, rng.choice((2, 3, 8)), rng.choice((1, 3, 100))


def search(turns: list[Turn], items: list[str], width: int, max_rows: int) -> dict[tuple[int, int], tuple]:
    def grams(text: str) -> list[tuple[str, ...]]:
        tokens = words(text)
        return [tuple(tokens[i : i + width]) for i in range(len(tokens) - width + 1)]

    has: dict[int, dict[tuple[str, ...], int]] = {}
    for row, turn, text in turns:
        for gram in grams(text):
            has.setdefault(row, {}).setdefault(gram, turn)
    in_rows = {g: sum(g in own for own in has.values()) for own in has.values() for g in own}
    found = {}
    for row, own in has.items():
        for item, text in enumerate(items):
            places = grams(text)
            rare = {p for p, gram in enumerate(places) if in_rows.get(gram, 0) <= max_rows}
            counted = rare or set(range(len(places)))
            hit = [p for p in sorted(counted) if places[p] in own]
            if not hit:
                continue
            tokens = {p + k for p in hit for k in range(width)}
            countable = {p + k for p in counted for k in range(width)}
            coverage = len(tokens) / len(countable) if rare else float(tokens == countable)
            longest = run = start = 0
            for p in range(len(places)):
                run = run + 1 if p in hit else 0
                longest, start = (run, p - run + 1) if run > longest else (longest, start)
            turn = min(own[places[p]] for p in hit)
            found[row, item] = (round(coverage, 9), len(tokens), longest + width - 1, start, turn)
    return found


@settings(deadline=None, max_examples=200)
@given(pools())
def test_agrees_with_a_plain_search(pool: tuple[list[Turn], list[str], int, int]) -> None:
    turns, items, width, max_rows = pool
    found = overlaps(
        pl.DataFrame(turns, schema=["row", "turn", "text"], orient="row"),
        pl.DataFrame({"item": range(len(items)), "text": items}),
        width,
        max_rows,
    )
    ours = {
        (r["row"], r["item"]): (round(r["coverage"], 9), r["tokens"], r["span"], r["start"], r["turn"])
        for r in found.iter_rows(named=True)
    }
    assert ours == search(turns, items, width, max_rows)
