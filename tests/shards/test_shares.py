"""Declared shares: what they come to, and what is said where they leave something open."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.shards.shares import aim_of, spelled


@pytest.mark.parametrize(
    ("declared", "rows", "shares", "others", "said"),
    [
        ({"x": 0.5, "y": 0.5}, {"x": 3, "y": 1}, {"x": 0.5, "y": 0.5}, 0.0, ""),
        ({"x": 0.5, "y": 0.6}, {"x": 3, "y": 1}, {"x": 5 / 11, "y": 6 / 11}, 0.0, "add up to 1.1"),
        ({"x": 0.4, "y": 0.4}, {"x": 3, "y": 1}, {"x": 0.5, "y": 0.5}, 0.0, "add up to 0.8"),
        ({"x": 0.5, "y": 0.5}, {"x": 1, "y": 1, "z": 2}, {"x": 0.25, "y": 0.25}, 0.5, "not named: z; they keep"),
        ({"x": 0.3}, {"x": 1, "z": 1, None: 2}, {"x": 0.3}, 0.7, "not named: (none), z; they have the remaining 70.0%"),
        ({"x": 1.2}, {"x": 1, "z": 1}, {"x": 0.5}, 0.5, "the shares add up to 1.2"),
    ],
)  # fmt: skip
def test_shares_come_to(declared, rows, shares, others, said) -> None:
    aim = aim_of(declared, rows)
    assert aim.shares == pytest.approx(shares) and aim.others == pytest.approx(others)
    assert said in aim.note and bool(said) == bool(aim.note)


@given(
    st.dictionaries(st.sampled_from("abcd"), st.floats(0.01, 1.5), min_size=1),
    st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 99), min_size=1),
)
def test_all_shares_add_up_to_one_unless_a_value_is_absent(declared, rows) -> None:
    aim = aim_of(declared, rows)
    assert sum(aim.shares.values()) + aim.others == pytest.approx(1)
    assert bool(aim.others) == bool(set(rows) - set(declared))


def test_a_value_is_spelled_as_in_the_rows() -> None:
    rows = {"true": 1.0, "1.0": 1.0, "Yes": 2.0, None: 1.0}
    assert [spelled(v, rows) for v in ("True", "1", "Yes", "no")] == ["true", "1.0", "Yes", "no"]
