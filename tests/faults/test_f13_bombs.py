"""Fault class 13: an archive that expands without end is stopped at a cap, within bounded memory."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
import zstandard

from tests.reading import FULL, good, read_measured

BOMB_MB = 2048 if FULL else 160
PEAK_MB = 512
LONG_ROW = b'{"prompt":"Q","response":"%b"}\n' % (b"x" * 99_970)
CAPS = {} if FULL else {"free_expansion_bytes": 32 << 20}


def bomb(path: Path, filler: bytes) -> None:
    piece = filler * ((1 << 20) // len(filler))
    if path.suffix == ".gz":
        with gzip.open(path, "wb", compresslevel=9) as file:
            file.write(good(1) + b"\n")
            for _ in range(BOMB_MB):
                file.write(piece)
    else:
        with path.open("wb") as raw, zstandard.ZstdCompressor(level=3).stream_writer(raw) as stream:
            stream.write(good(1) + b"\n")
            for _ in range(BOMB_MB):
                stream.write(piece)


@pytest.mark.parametrize("suffix", [".gz", ".zst"])
@pytest.mark.parametrize("filler", [b"\0", LONG_ROW], ids=["zeros", "rows"])
def test_a_bomb_is_stopped_and_said_so(tmp_path: Path, suffix: str, filler: bytes) -> None:
    path = tmp_path / f"rows.jsonl{suffix}"
    bomb(path, filler)
    seen = read_measured(path, tmp_path / "out", **CAPS)
    assert seen["reasons"][0] is None
    assert seen["reasons"][-1] == seen["problem"] == "expansion_limit"
    assert set(seen["reasons"][:-1]) == {None}
    assert seen["peak_mb"] <= PEAK_MB


def test_a_nested_archive_is_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl.gz"
    path.write_bytes(gzip.compress(gzip.compress(bytes(200 << 20))))
    seen = read_measured(path, tmp_path / "out")
    assert set(seen["reasons"]) <= {"invalid_utf8", "cut_tail", "invalid_json", "blank"}
    assert seen["peak_mb"] <= PEAK_MB


def test_a_file_is_read_up_to_its_cap(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(good(n) + b"\n" for n in range(40_000)))
    seen = read_measured(path, tmp_path / "out", max_file_bytes=1 << 20)
    assert seen["reasons"][-1] == seen["problem"] == "file_limit"
    assert len(seen["reasons"]) > 10_000 and set(seen["reasons"][:-1]) == {None}
