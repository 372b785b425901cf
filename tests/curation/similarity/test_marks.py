"""Siblings: rows of one template with another thing in its place are kept apart, edits are not."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests import sibling_rules
from tests.row_frames import make_rows
from tilth.curation.dedup.near import Dedup
from tilth.curation.similarity.marks import are_siblings, marks
from tilth.curation.similarity.sets import in_place

PAGE = (
    "karmadactl {0} marks a node. Use {0} when a node goes into service. The command {0} takes the name of the "
    "node and an option. To {0} a node by its label, write {0} with a selector. See also drain and the "
    "reference of all commands, which lists every option that is known to the tool and says what it does."
)
PROBLEM = (
    "A baker puts {0} rolls on each of the long wooden trays in the shop window every morning before the sun "
    "comes up over the hills, sells most of them to people on their way to work, and gives what is left in the "
    "evening to the shelter down the road. How many rolls has the baker put on all of the trays by noon?"
)


def siblings(a: tuple[str, str], b: tuple[str, str]) -> bool:
    found = marks(pl.Series([a[0], b[0]]), pl.Series([a[1], b[1]]))
    return bool(are_siblings(0, 1, tuple(in_place(found)[0])))


@settings(deadline=None, max_examples=200)
@given(st.integers(0, 2**32))
def test_marks_are_what_they_are_defined_as(seed: int) -> None:
    rng = random.Random(seed)
    words = ["the", "node", "Über", "7", "7cm", "x7", "cordon", "uncordon", "3.5", "_1"]
    rows = [
        (" ".join(rng.choices(words, k=rng.choice((0, 2, 9, 99, 101)))), " ".join(rng.choices(words, k=12)))
        for _ in range(2)
    ]
    assert siblings(*rows) == sibling_rules.are_siblings(*rows)


@pytest.mark.parametrize(
    ("a", "b"),
    [
        (("", PAGE.format("cordon")), ("", PAGE.format("uncordon"))),
        ((PROBLEM.format(12), "The trays hold them all."), (PROBLEM.format(15), "The trays hold them all.")),
    ],
)
def test_siblings_are_kept_unless_the_recipe_says_otherwise(a: tuple[str, str], b: tuple[str, str]) -> None:
    frame, texts = make_rows([a, b], split=["train"] * 2)
    kept, dropped = Dedup(near_jaccard=0.3), Dedup(near_jaccard=0.3, siblings="drop")
    assert kept.decide(frame, kept.evidence(frame, texts)).is_empty()
    assert dropped.decide(frame, dropped.evidence(frame, texts))["reason"].to_list() == ["near_duplicate"]


@pytest.mark.parametrize(
    "edited",
    [
        PAGE.format("cordon") + " Since version 1.4 and 1.5.",  # something added
        PAGE.format("cordon").replace("node", "machine", 2),  # a word replaced in some places
        PAGE.format("cordon").replace("selector", "filter"),  # a word said once
    ],
)
def test_an_edit_makes_no_sibling(edited: str) -> None:
    assert not siblings(("", PAGE.format("cordon")), ("", edited))
    frame, texts = make_rows([("", PAGE.format("cordon")), ("", edited)], split=["train"] * 2)
    stage = Dedup(near_jaccard=0.3)
    assert stage.decide(frame, stage.evidence(frame, texts)).height == 1


def test_numbers_of_a_long_text_and_of_documents_are_no_marks() -> None:
    long = " ".join(f"clause of the contract {word}" for word in ["alpha", "beta"] * 15)
    assert not siblings((f"{long} 12", "yes"), (f"{long} 15", "yes"))
    assert not siblings(("", "released in 2023"), ("", "released in 2024"))


def test_nothing_has_no_marks() -> None:
    empty = pl.Series([], dtype=pl.String)
    assert marks(empty, empty).len() == 0
    assert marks(pl.Series([""]), pl.Series(["one two"])).list.len().to_list() == [0]
