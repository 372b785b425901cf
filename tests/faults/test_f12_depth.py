"""Fault class 12: deep nesting is quarantined at once, in every text format."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.reading import good, read_bytes


@pytest.mark.parametrize("depth", [10**3, 10**4, 10**5, 10**6])
@pytest.mark.parametrize("closed", [True, False])
def test_deep_json_is_quarantined_within_a_second(tmp_path: Path, depth: int, closed: bool) -> None:
    deep = b'{"prompt":' + b"[" * depth + b"]" * depth * closed + b"}"
    objects = b'{"a":' * depth + b"1" + b"}" * depth * closed
    started = time.process_time()
    reading = read_bytes(tmp_path, b"\n".join([good(1), deep, good(2), objects, good(3)]))
    assert time.process_time() - started < 2  # one second each
    assert reading.reasons == [None, "too_deep", None, "too_deep", None]


@pytest.mark.parametrize("depth", [10**3, 10**5])
def test_a_deep_element_leaves_its_neighbours(tmp_path: Path, depth: int) -> None:
    deep = b'{"prompt":' + b"[" * depth + b"]" * depth + b"}"
    reading = read_bytes(tmp_path, b"[" + b",".join([good(1), deep, good(2)]) + b"]", "rows.json")
    assert reading.reasons == [None, "too_deep", None]


def test_deep_tool_arguments_stay_text(tmp_path: Path) -> None:
    arguments = b"[" * 5000 + b"]" * 5000
    call = b'{"name":"f","arguments":"%b"}' % arguments
    line = b'{"messages":[{"role":"user","content":"Q"},{"role":"assistant","tool_calls":[%b]}]}' % call
    assert read_bytes(tmp_path, line).reasons == [None]
