"""Every rule agrees with its definition, searched plainly."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.row_frames import words
from tilth.curation.dedup.contamination import RULES, RuleName, find, frontier

ITEM = (
    "a farmer has twelve hens and each hen lays three eggs a week so how many eggs are there after a month of "
    "four weeks if two of the hens stop laying in the third week because of the rain"
)
N = len(ITEM.split())


def grams(tokens: list[str], n: int) -> list[tuple[str, ...]]:
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def shared_tokens(
    row: str, item: str, n: int, ignored: set[tuple[str, ...]]
) -> tuple[set[int], int, set[int]]:
    """Return the item's tokens that the row covers, the longest run, and the tokens that can be covered."""
    own = set(grams(words(row), n))
    covered: set[int] = set()
    countable: set[int] = set()
    longest = run = 0
    for place, gram in enumerate(grams(words(item), n)):
        counts = gram not in ignored
        hit = counts and gram in own
        run = run + 1 if hit else 0
        longest = max(longest, run)
        countable |= set(range(place, place + n)) if counts else set()
        covered |= set(range(place, place + n)) if hit else set()
    return covered, longest + n - 1 if longest else 0, countable


def dirty(rule: RuleName, row: str, item: str, rows: list[str]) -> bool:
    """Say whether `row` holds `item`, by the definition of each rule."""
    tokens = words(item)
    often: set[tuple[str, ...]] = set()
    if rule in ("tilth", "gpt-3", "longest-span"):
        n = 13 if rule == "gpt-3" else 8
        holders = [set(grams(words(r), n)) for r in rows]
        often = {
            g for g in set(grams(tokens, n)) if sum(g in h for h in holders) > max(10, len(rows) // 1000)
        }
    if rule == "gpt-3":
        return bool(shared_tokens(row, item, 13, often)[0]) or whole_frequent(row, item, 13, often)
    if rule == "tulu-3":
        return len(shared_tokens(row, item, 8, set())[0]) > 0.5 * len(tokens)
    if rule == "llama-2":
        return len(tokens) >= 11 and len(shared_tokens(row, item, 11, set())[0]) >= 0.8 * len(tokens) - 1e-6
    covered, span, countable = shared_tokens(row, item, 8, often)
    long_span = span >= 50
    if rule == "longest-span":
        return long_span or (whole_frequent(row, item, 8, often) and len(tokens) >= 50)
    share = len(covered) / len(countable) if countable else float(whole_frequent(row, item, 8, often))
    count = len(covered) if countable else len(tokens)
    return (share > 0.5 and (count >= 10 or share == 1.0)) or long_span


def whole_frequent(row: str, item: str, n: int, often: set[tuple[str, ...]]) -> bool:
    """Say whether an item made of turns of phrase alone stands in the row whole."""
    places = grams(words(item), n)
    return bool(places) and set(places) <= often and set(places) <= set(grams(words(row), n))


@st.composite
def pools(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Rows that hold pieces of items; some pieces recur often enough to be turns of phrase."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    vocabulary = [f"w{i}" for i in range(40)]
    items = [" ".join(rng.choices(vocabulary, k=rng.choice((9, 14, 25, 70)))) for _ in range(3)]
    rows = []
    for _ in range(rng.choice((4, 14))):
        source = rng.choice(items).split()
        a = rng.randrange(0, 6)
        b = rng.randrange(a, len(source) + 1)
        filler = rng.choices(vocabulary, k=rng.randrange(0, 8))
        rows.append(", ".join([*filler, *source[a:b], *filler[::-1]]))
    return rows, items


@pytest.mark.parametrize("rule", RULES)
@settings(deadline=None, max_examples=60)
@given(pool=pools())
def test_agrees_with_a_plain_search(rule: RuleName, pool: tuple[list[str], list[str]]) -> None:
    rows, items = pool
    found = set(find(pl.Series(rows), pl.Series(items), rule)["index"])
    assert found == {i for i, row in enumerate(rows) if any(dirty(rule, row, item, rows) for item in items)}


@pytest.mark.parametrize(
    ("rule", "kept_words"),
    [("tulu-3", N // 2 + 1), ("gpt-3", 13), ("llama-2", -(-N * 8 // 10)), ("tilth", N // 2 + 1)],
)
def test_each_rule_has_its_bound(rule: RuleName, kept_words: int) -> None:
    tokens = ITEM.split()
    row, shorter = (
        " ".join(["it", "says", *tokens[:k], "and", "stops"]) for k in (kept_words, kept_words - 1)
    )
    assert find(pl.Series([row, shorter]), pl.Series([ITEM]), rule)["index"].to_list() == [0]


def test_the_words_are_those_of_the_longest_run() -> None:
    row = "He said A FARMER has twelve hens, and each hen lays three eggs and no more"
    found = find(pl.Series([row]), pl.Series(["x y z", ITEM]), "gpt-3")
    assert found.is_empty()
    found = find(pl.Series(["none", f"{ITEM} {row}"]), pl.Series([None, ITEM]))
    assert found.select("index", "item", "coverage", "words").rows() == [(1, 1, 1.0, ITEM)]


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=8),
    st.tuples(st.integers(0, 4), st.integers(0, 5), st.integers(0, 5)),
)
def test_the_frontier_loses_no_answer(
    shared: list[tuple[int, int, int]], bounds: tuple[int, int, int]
) -> None:
    frame = pl.DataFrame(
        [(b"r", c / 4, t, s, str(i), "prompt", b"i") for i, (c, t, s) in enumerate(shared)],
        schema=["row_id", "coverage", "tokens", "span", "item", "field", "item_id"],
        orient="row",
    )
    over = ((pl.col("coverage") > bounds[0] / 4) & (pl.col("tokens") >= bounds[1])) | (
        pl.col("span") >= bounds[2]
    )
    assert frontier(frame).filter(over).is_empty() == frame.filter(over).is_empty()
