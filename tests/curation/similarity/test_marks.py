"""Siblings: rows of one template with another thing in its place are kept apart, edits are not."""

from __future__ import annotations

import random

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

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


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**32))
def test_siblings_are_so_both_ways_and_no_row_is_its_own(seed: int) -> None:
    rng = random.Random(seed)
    words = ["the", "node", "Über", "7", "7cm", "x7", "cordon", "uncordon", "3.5", "_1"]
    a, b = [
        (" ".join(rng.choices(words, k=rng.choice((1, 2, 9, 99, 101)))), " ".join(rng.choices(words, k=12)))
        for _ in range(2)
    ]
    assert siblings(a, b) == siblings(b, a)
    assert not siblings(a, a)
    # What one row says besides makes no sibling of it: the other lacks nothing.
    assert not siblings(a, (a[0], f"{a[1]} {b[1]}"))


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


BODY = (
    "It reads the settings file, checks that the folder is there and writes its result into it. If a file of that "
    "name is there already, it is left alone and the command ends well. The path, the level of the log and the root "
    "of the host are options of every command of this tool, which the reference lists in the order of the alphabet. "
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "## tool init certs\n\nWrites the certificates.\n\n",
            "## tool init addon\n\nInstalls the addons.\n\n",
        ),
        ("---\ntitle: cordon\n---\n\n", "---\ntitle: uncordon\n---\n\n"),
        ("Cordon\n======\n\n", "Uncordon\n========\n\n"),
        ("Tool cordon\n\n", "Tool uncordon\n\n"),
        ("<html><head><title>cordon</title>\n", "<html><head><title>uncordon</title>\n"),
        ("# 创建命名空间\n\n", "# 创建服务账户\n\n"),
    ],
)
def test_pages_of_one_generator_have_titles_of_their_own(one: str, other: str) -> None:
    a, b = ("", one + BODY * 3), ("", other + BODY * 3)
    assert siblings(a, b)
    frame, texts = make_rows([a, b], split=["train"] * 2)
    stage = Dedup(near_jaccard=0.3)
    assert stage.decide(frame, stage.evidence(frame, texts)).is_empty()


@pytest.mark.parametrize(
    "title", ["---\ntitle: Upgrading\nweight: 1\n---\n\n", "# Upgrading\n\n", "Upgrading\n\n"]
)
def test_versions_of_one_page_are_no_siblings_whatever_was_renamed(title: str) -> None:
    steps = "".join(
        f"Step {n}: open the {{0}} panel of section {n} and note the value of 1.{{1}} there. "
        for n in range(20)
    )
    a, b = ("", title + steps.format("renderer", 7) + BODY), ("", title + steps.format("component", 9) + BODY)
    assert not siblings(a, b)


def test_a_word_renamed_in_a_long_text_makes_no_sibling() -> None:
    text = "we open the {0} panel now. " * 5 + BODY * 6
    assert not siblings(("", text.format("renderer")), ("", text.format("component")))


def test_a_document_of_one_line_is_not_all_title() -> None:
    line = "# What to expect when a node fails " + " ".join(
        f"the volume number {n} is detached" for n in range(9)
    )
    a, b = ("", line), ("", line.replace("expect", "do"))
    assert not siblings(a, b)
