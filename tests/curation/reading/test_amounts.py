"""How much of a file was read stands beside its records: lines of text, and bytes as stored."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.decided import curated
from tests.reading import good, read_bytes
from tilth.curation.reading.opened import Taken
from tilth.validators.gate import judge
from tilth.validators.metrics import Tables, measure
from tilth.validators.recipe import Checks

LINES = b"".join(good(n) + b"\n" for n in range(12))


@pytest.mark.parametrize(
    ("name", "data", "records", "text_lines"),
    [
        ("a.jsonl", LINES, 12, 12),
        ("a.jsonl", LINES[:-1], 12, 12),
        ("a.jsonl", LINES + b"\n\n", 14, 14),
        ("a.jsonl.gz", gzip.compress(LINES), 12, 12),
        ("a.json", b"[" + LINES.strip().replace(b"\n", b",\n") + b"]", 12, 12),
        ("a.csv", b'prompt,response\nQ,"a\nb\nc"\nP,B\n', 2, 5),
    ],
)
def test_lines_and_bytes_stand_beside_records(
    tmp_path: Path, name: str, data: bytes, records: int, text_lines: int
) -> None:
    file = read_bytes(tmp_path, data, name).file
    assert (file.lines, file.text_lines, file.bytes_read) == (records, text_lines, len(data))
    assert file.problem is None


def test_bytes_behind_a_cut_archive_are_not_called_read(tmp_path: Path) -> None:
    whole = gzip.compress(LINES)
    file = read_bytes(tmp_path, whole[:-40], "a.jsonl.gz").file
    assert file.problem == "cut_archive"
    assert file.bytes_read is not None and file.bytes_read <= file.bytes == len(whole) - 40


@given(st.lists(st.binary(max_size=6), max_size=5))
@settings(max_examples=50, deadline=None)
def test_lines_of_text_are_those_of_the_text_however_it_is_cut(chunks: list[bytes]) -> None:
    taken, text = Taken(), b"".join(chunks)
    assert b"".join(taken.counted(chunk for chunk in chunks if chunk)) == text
    assert (taken.size, taken.lines) == (
        len(text),
        text.count(b"\n") + (not text.endswith(b"\n") if text else 0),
    )


def test_a_file_that_was_not_read_whole_fails_the_version(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(b"[" + LINES.strip().replace(b"\n", b",\n")[:-9])
    version = curated(tmp_path / "a.json")
    metrics = measure(Tables(version.occurrences(), version.rows(), version.decisions(), version.measures()))
    assert metrics["unfinished_files"].to_list() == [1]
    only = dict.fromkeys(Checks.model_fields) | {"max_unfinished": 0}
    (result,) = judge(metrics, Checks.model_validate(only))
    assert result.blocks and result.value == 1
    (allowed,) = judge(metrics, Checks.model_validate(only | {"max_unfinished": 1}))
    assert allowed.passed
