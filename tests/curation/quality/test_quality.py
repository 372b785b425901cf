from __future__ import annotations

import json
import math
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tilth.curation.quality import characters as flags
from tilth.curation.quality import statistics
from tilth.curation.quality.columns import COLUMNS

GOLDEN = json.loads((Path(__file__).parent / "golden" / "datatrove_prose.json").read_text(encoding="utf-8"))
# Few words and many breaks, so that lines, paragraphs and n-grams repeat.
PIECES = st.sampled_from(
    ["a", "b", "the", "…", "...", "#", "é.", "日", "\n", "\n\n", "\r\n", " ", "\t", "-", "[1]", "use cookies"]
)


def values(text: str) -> dict[str, Any]:
    return statistics(pl.Series([text])).row(0, named=True)


@pytest.mark.parametrize("case", GOLDEN["cases"], ids=lambda case: repr(case["text"][:30]))
def test_values_are_those_of_datatrove(case: dict[str, Any]) -> None:
    ours = values(case["text"])
    for name, theirs in case["values"].items():
        if math.isnan(theirs):
            assert ours[name] is None, name
        else:
            assert ours[name] == pytest.approx(theirs, abs=1e-9), name


def test_golden_values_cover_every_column() -> None:
    assert len(GOLDEN["cases"]) >= 60
    measured = {name for case in GOLDEN["cases"] for name in case["values"]}
    assert measured == set(COLUMNS) - {"characters", "words"}
    for name in measured:
        assert len({case["values"].get(name) for case in GOLDEN["cases"]}) > 1, f"{name} is never different"


def expected_repetition(text: str) -> dict[str, float]:
    """The n-gram statistics over Python strings."""
    words, out = text.split(), {}
    for n in range(2, 11):
        grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
        if n < 5 and grams:
            most = max(grams, key=grams.count)
            out[f"top_{n}gram_chars"] = grams.count(most) * len(" ".join(most)) / len(text)
        if n >= 5:
            joined, met, chars, i = ["".join(gram) for gram in grams], set(), 0, 0
            while i < len(grams):
                known = joined[i] in met
                chars += len(joined[i]) if known else 0
                met.add(joined[i])
                i += n if known else 1
            out[f"duplicate_{n}gram_chars"] = chars / len(text)
    return out


@given(st.lists(PIECES, min_size=1, max_size=120).map(" ".join))
@example("a b c d ef g x ab c d e f g")
def test_repeated_grams_are_those_of_a_plain_count(text: str) -> None:
    ours = values(text)
    assert {k: ours[k] for k in expected_repetition(text)} == pytest.approx(expected_repetition(text))


@given(st.lists(PIECES, max_size=60).map("".join))
def test_lines_and_words_are_those_of_python(text: str) -> None:
    ours = values(text)
    assert ours["characters"] == len(text)
    assert ours["words"] == len(text.split())
    assert ours["lines"] == len(text.splitlines())
    removed = [name for name in COLUMNS if name.endswith("_lines") and COLUMNS.index(name) in range(24, 29)]
    kept = ours["kept_lines"] * ours["lines"] if ours["lines"] else 0
    assert len(removed) == 5
    assert kept + sum(ours[name] for name in removed) == pytest.approx(ours["lines"])


@given(st.lists(st.text(max_size=40), max_size=8), st.randoms())
def test_a_text_is_measured_alike_beside_any_other(texts: list[str], order: random.Random) -> None:
    alone = dict(zip(texts, statistics(pl.Series(texts, dtype=pl.String)).rows()))
    shuffled = order.sample(texts, len(texts))
    assert statistics(pl.Series(shuffled, dtype=pl.String)).rows() == [alone[text] for text in shuffled]


def test_a_null_has_no_statistics_and_an_empty_series_has_the_columns() -> None:
    found = statistics(pl.Series(["words here", None]))
    assert found.row(1) == (None,) * len(COLUMNS)
    assert found.schema == statistics(pl.Series([], dtype=pl.String)).schema
    assert set(found.schema.dtypes()) == {pl.Float64()}


def test_a_slice_is_read_from_its_own_start() -> None:
    texts = pl.Series([f"{'word ' * n}." for n in range(30)])
    assert statistics(texts[7:20]).rows() == statistics(texts).rows()[7:20]


def test_characters_are_classified_as_python_does() -> None:
    table = flags.characters()
    for point in [*range(0x3100), *range(0xFE00, 0x10000), *range(0x1D400, 0x1D800), 0xD800, 0x10FFFF]:
        character, found = chr(point), int(table[point])
        assert found & flags.POINT == point
        assert bool(found & flags.BLANK) == character.isspace()
        assert bool(found & flags.LETTER) == character.isalpha()
        assert bool(found & flags.DIGIT) == character.isdecimal()
        assert bool(found & flags.BREAK) == (len(f"a{character}b".splitlines()) == 2)
