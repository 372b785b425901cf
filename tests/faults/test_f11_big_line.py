"""Fault class 11: a line larger than memory allows is passed over; its neighbours stay."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reading import FULL, good, read_measured

LINE_MB = 1024 if FULL else 64
PEAK_MB = 512


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json", "rows.csv"])
def test_a_huge_line_is_too_long_and_never_held(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    array, table = name.endswith(".json"), name.endswith(".csv")
    before, between, after = (
        (b"[", b",", b"]") if array else (b"prompt,response\n" if table else b"", b"\n", b"\n")
    )
    rows = [b"Q1,A1", b"Q2,A2"] if table else [good(1), good(2)]
    with path.open("wb") as file:
        file.write(before + rows[0] + between + b'{"prompt":"')
        for _ in range(LINE_MB):
            file.write(b"x" * (1 << 20))
        file.write(b'"}' + between + rows[1] + after)
    seen = read_measured(path, tmp_path / "out")
    assert seen["reasons"] == [None, "too_long", None]
    assert seen["peak_mb"] <= PEAK_MB


def test_the_longest_line_allowed_is_read(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    room = (16 << 20) - len(b'{"prompt":"","response":"A"}')
    path.write_bytes(
        b"".join(b'{"prompt":"%b","response":"A"}\n' % (b"x" * size) for size in (room, room + 1))
    )
    seen = read_measured(path, tmp_path / "out")
    assert seen["reasons"] == [None, "too_long"]
    assert seen["peak_mb"] <= PEAK_MB
