from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.shards.licences import (
    choices,
    count_normal,
    is_allowed,
    is_non_commercial,
    is_share_alike,
    normal,
    notes,
)


@pytest.mark.parametrize(
    ("spelled", "name"),
    [
        ("MIT", "MIT"),
        ("mit license", "MIT"),
        ("The MIT License (MIT)", "MIT"),
        ("apache 2.0", "Apache-2.0"),
        ("Apache License, Version 2.0", "Apache-2.0"),
        ("apache-2.0", "Apache-2.0"),
        ("Apache v2", "Apache-2.0"),
        ("cc by 4.0", "CC-BY-4.0"),
        ("CC_BY_SA_3.0", "CC-BY-SA-3.0"),
        ("cc-by-nc-sa-4.0", "CC-BY-NC-SA-4.0"),
        ("Creative Commons Attribution-NonCommercial-ShareAlike 4.0 International", "CC-BY-NC-SA-4.0"),
        ("Creative Commons Attribution 4.0 International License", "CC-BY-4.0"),
        ("cc-by", "CC-BY"),
        ("CC0", "CC0-1.0"),
        ("cc0 1.0 universal", "CC0-1.0"),
        ("gpl-3.0", "GPL-3.0-only"),
        ("GPL-3.0-or-later", "GPL-3.0-or-later"),
        ("BSD 3-Clause", "BSD-3-Clause"),
        ("bsd-3-clause license", "BSD-3-Clause"),
        ("ODC-BY", "ODC-By-1.0"),
        (" House terms 7 ", "House terms 7"),
        ("", ""),
    ],
)
def test_one_spelling_for_each_licence(spelled: str, name: str) -> None:
    assert normal(spelled) == name


@given(st.text(max_size=40))
def test_normal_is_a_fixed_point(text: str) -> None:
    assert normal(normal(text)) == normal(text)


def test_expressions_are_met_one_way_or_another() -> None:
    assert choices("mit OR apache 2.0") == [["MIT"], ["Apache-2.0"]]
    assert choices("GPL 3.0 or later") == [["GPL-3.0-or-later"]]
    assert is_allowed("MIT OR GPL-3.0", ["mit"])
    assert not is_allowed("MIT AND GPL-3.0", ["mit"])
    assert is_allowed("MIT AND cc by 4.0", ["MIT", "CC-BY-4.0"])
    assert is_allowed("House terms 7", ["house terms 7"])
    assert not is_allowed("CC-BY-SA-4.0", ["CC-BY-4.0"])
    assert not is_allowed("MIT", [])


def test_terms_told_by_their_names() -> None:
    limited = ["CC-BY-NC-4.0", "cc by nc nd 4.0", "Non-Commercial", "research only", "For academic use only"]
    assert all(map(is_non_commercial, limited))
    assert not any(map(is_non_commercial, ["MIT", "CC-BY-4.0", "MIT OR CC-BY-NC-4.0", "NCSA", "Francis"]))
    assert all(map(is_share_alike, ["cc-by-sa-4.0", "GPL-3.0", "AGPL-3.0-or-later", "ODbL"]))
    assert not any(map(is_share_alike, ["MIT", "CC-BY-4.0", "LGPL-2.1", "MIT OR GPL-3.0"]))


def test_spellings_are_counted_together() -> None:
    counts = [("mit", 2), ("MIT License", 3), (None, 4), ("apache 2.0", 5)]
    assert count_normal(counts) == [("Apache-2.0", 5), ("MIT", 5), (None, 4)]


def test_notes_say_facts_with_counts() -> None:
    assert notes([("MIT", 5), ("CC-BY-4.0", 2)]) == []
    assert notes([(None, 5)]) == []
    assert notes([("CC-BY-SA-4.0", 5)]) == []
    assert notes([("mit", 1000), ("cc-by-nc-4.0", 3), ("CC-BY-SA-3.0", 2), (None, 1)]) == [
        "Without a licence: 1 of 1,006 rows.",
        "Not for commercial use: CC-BY-NC-4.0 (3 rows).",
        "Share-alike licences ask for derived works under their own terms: CC-BY-SA-3.0 (2 rows) beside "
        "MIT (1,000 rows), CC-BY-NC-4.0 (3 rows).",
    ]
