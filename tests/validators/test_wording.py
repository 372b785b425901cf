from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.validators import wording


@pytest.mark.parametrize(
    ("write", "value", "expected"),
    [
        (wording.count, 33931, "33,931"),
        (wording.count, -5, "\u22125"),
        (wording.percent, 0.1234, "12.3\u202f%"),
        (wording.percent, 0.0004, "0.04\u202f%"),
        (wording.percent, 1.0, "100\u202f%"),
        (wording.number, 0.061420001, "0.06142"),
        (wording.number, 12345.6, "12,346"),
        (wording.number, 2e-4, "0.0002"),
        (wording.decimal, 1.20049, "1.200"),
        (wording.signed, 0.4, "+0.400"),
        (wording.signed, -0.4, "\u22120.400"),
        (wording.seconds, 9.96, "10.0 s"),
        (wording.seconds, 81.3, "1 min 21 s"),
        (wording.seconds, 7322, "2 h 02 min"),
        (wording.size, 999, "999 B"),
        (wording.size, 1_720_000_000, "1.7 GB"),
    ],
)
def test_numbers_read_as_people_write_them(write, value: float, expected: str) -> None:
    assert write(value) == expected


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf])
def test_what_is_not_a_number_is_a_dash(nothing: float | None) -> None:
    for write in (wording.count, wording.percent, wording.number, wording.seconds, wording.size):
        assert write(nothing) == wording.NOTHING


@given(st.text(), st.integers(1, 50))
def test_shortened_text_fits_and_keeps_its_start(text: str, most: int) -> None:
    short = wording.shorten(text, most)
    assert len(short) <= most
    assert short == text if len(text) <= most else text.startswith(short[:1].replace(wording.ELLIPSIS, ""))


def test_nothing_invisible_or_reordering_is_shown() -> None:
    assert wording.visible("a\u202eb\u200bc\x00d\x1b[31m\ud800") == "a\ufffdb\ufffdc\ufffdd\ufffd[31m\ufffd"
    assert wording.visible("naïve 漢字 عربي 👍🏽\n\tx") == "naïve 漢字 عربي 👍🏽\n\tx"


@pytest.mark.parametrize(
    "href", ["report.html", "../a1/report.html", "../../runs/7c/report.html#curves", "x/y.html"]
)
def test_files_beside_the_page_are_linked(href: str) -> None:
    assert wording.is_relative(href)


@pytest.mark.parametrize(
    "href",
    [
        "",
        "/etc/passwd",
        "//host/x",
        "http://x",
        "javascript:1",
        "java\nscript:1",
        "a b",
        "..",
        "x/../y",
        "%2e%2e/x",
    ],
)
def test_nothing_else_is(href: str) -> None:
    assert not wording.is_relative(href)


def test_facts_become_plain_json() -> None:
    assert wording.plain({"a": (1.0, math.nan), 2: [{"b": -math.inf}]}) == {
        "a": [1.0, None],
        "2": [{"b": None}],
    }
