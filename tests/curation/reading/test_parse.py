"""A line of JSON comes through exactly as written, or not at all."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilth.curation.reading.limits import Reason, Unreadable
from tilth.curation.reading.parse import parse_json, parse_object

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)
OBJECTS = st.dictionaries(st.text(max_size=5), VALUES, max_size=5)


def strict_oracle(text: str) -> Any:
    """Parse with the standard library, refusing what it tolerates."""

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        assert len(dict(pairs)) == len(pairs)
        return dict(pairs)

    def refuse(constant: str) -> Any:
        raise ValueError(constant)

    return json.loads(text, object_pairs_hook=unique, parse_constant=refuse)


@given(OBJECTS, st.sampled_from([None, 1]), st.booleans(), st.sampled_from([(",", ":"), (" , ", " : ")]))
def test_every_valid_object_comes_through_unchanged(
    value: dict[str, Any], indent: int | None, ascii_only: bool, separators: tuple[str, str]
) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only, separators=separators)
    parsed = parse_object(text.encode(), 64)
    assert parsed == value
    assert json.dumps(parsed, sort_keys=True) == json.dumps(value, sort_keys=True)


@given(st.text(alphabet='{}[]":,\\ntrue0123456789.eE-+ aNI\u2028\x00é', max_size=40))
def test_agrees_with_the_strict_oracle_on_near_json(text: str) -> None:
    try:
        expected = strict_oracle(text)
    except (ValueError, AssertionError):
        expected = None
    parsed = parse_object(text.encode(), 64)
    if isinstance(expected, dict):
        assert parsed == expected or parsed is Reason.NON_FINITE
    else:
        assert isinstance(parsed, Reason)


@given(OBJECTS.filter(bool), st.data())
def test_a_repeated_key_is_refused_wherever_it_stands(value: dict[str, Any], data: st.DataObject) -> None:
    key = data.draw(st.sampled_from(sorted(value)))
    body = json.dumps(value)[1:-1]
    text = f"{{{body}, {json.dumps(key)} : 1}}"
    for wrapped in (text, f'{{"outer": {text}}}', f'{{"outer": [1, {text}], "s": "a\\":b"}}'):
        assert parse_object(wrapped.encode(), 64) is Reason.DUPLICATE_KEY


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", Reason.BLANK),
        (b" \t\r", Reason.BLANK),
        (b"\xef\xbb\xbf{}", Reason.BOM),
        (b'{"a":"\xff"}', Reason.INVALID_UTF8),
        (b'{"a":"\xed\xa0\x80"}', Reason.INVALID_UTF8),
        (b'{"a":1', Reason.INVALID_JSON),
        (b'{"a":"\x00"}', Reason.INVALID_JSON),
        (b"{'a':1}", Reason.INVALID_JSON),
        (b'{"a":01}', Reason.INVALID_JSON),
        (b"[]", Reason.NOT_AN_OBJECT),
        (b"null", Reason.NOT_AN_OBJECT),
        (b'"text"', Reason.NOT_AN_OBJECT),
        (b"1e999", Reason.NOT_AN_OBJECT),
        (b'{"a":"\\ud800"}', Reason.LONE_SURROGATE),
        (b'{"\\udc00":1}', Reason.LONE_SURROGATE),
        (b'{"a":1,"\\u0061":2}', Reason.DUPLICATE_KEY),
        (b'{"a" :1,"a"\t:2}', Reason.DUPLICATE_KEY),
    ],
)
def test_reasons(raw: bytes, reason: Reason) -> None:
    assert parse_object(raw, 64) is reason


@pytest.mark.parametrize("raw", [b"1e999", b'{"a":NaN}', b'{"a":[-Infinity]}', b'{"a":1e400}'])
def test_what_is_learned_holds_no_number_that_is_none(raw: bytes) -> None:
    with pytest.raises(Unreadable, match="non_finite"):
        parse_json(raw, 64)


def test_a_row_may_hold_one_where_nobody_learns_from_it() -> None:
    row = parse_object(b'{"a":NaN,"b":[-Infinity],"c":1e400}', 64)
    assert isinstance(row, dict)
    assert str(row) == "{'a': nan, 'b': [-inf], 'c': inf}"


@pytest.mark.parametrize(
    "number",
    [2**53 + 1, 2**63 - 1, 2**63, 2**64, -(2**63) - 1, 10**30, 10**400, -1, 0],
    ids=lambda n: f"{n.bit_length()} bits",
)
def test_integers_of_any_size_are_exact(number: int) -> None:
    assert parse_object(json.dumps({"n": [{"m": number}]}).encode(), 64) == {"n": [{"m": number}]}


def test_signed_zero_nul_and_line_separators_survive() -> None:
    parsed = parse_object(b'{"z":-0.0,"nul":"a\\u0000b","ls":"\xe2\x80\xa8","pair":"\\ud83d\\ude00"}\r', 64)
    assert parsed == {"z": -0.0, "nul": "a\x00b", "ls": "\u2028", "pair": "😀"}
    assert isinstance(parsed, dict) and math.copysign(1, parsed["z"]) == -1


@pytest.mark.parametrize(
    ("depth", "readable"), [(63, True), (64, True), (65, False), (1000, False), (1100, False)]
)
def test_depth_is_bounded(depth: int, readable: bool) -> None:
    raw = b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)
    assert (parse_object(raw, 64) is Reason.TOO_DEEP) is not readable
    lists = b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    assert (parse_object(lists, 64) is Reason.TOO_DEEP) is not readable


def test_brackets_in_text_have_no_depth() -> None:
    text = "[{" * 500 + '"' + '\\"' + '":' * 9
    assert parse_object(json.dumps({"code": text}).encode(), 64) == {"code": text}
