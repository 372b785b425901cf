"""Fault class 33: what stands behind the first array, inside a stray quote or behind a link is read once and said."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reading import good, read_bytes, read_sources
from tilth.curation.reading.limits import Reason
from tilth.curation.reading.source import Source


def array(first: int) -> bytes:
    return b"[" + b",\n".join(good(first + n) for n in range(20)) + b"]"


@pytest.mark.parametrize("between", [b"", b"\n", b",\n", b" \r\n\t"])
def test_an_array_behind_the_first_is_read(tmp_path: Path, between: bytes) -> None:
    reading = read_bytes(tmp_path, array(0) + between + array(20) + b"\n", "rows.json")
    assert reading.reasons == [None] * 40
    assert reading.file.problem is None


def test_what_stands_between_two_arrays_is_a_line(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, array(0) + b" and then " + array(20), "rows.json")
    assert reading.reasons == [None] * 20 + [Reason.INVALID_JSON] + [None] * 20


def test_bytes_behind_the_last_array_leave_the_file_unfinished(tmp_path: Path) -> None:
    data = array(0) + b"\n" + b"\n".join(good(20 + n) for n in range(20))
    reading = read_bytes(tmp_path, data, "rows.json")
    assert reading.reasons[-1] == reading.file.problem == Reason.UNREAD_BYTES


@pytest.mark.parametrize("swallowed", [3, 5, 9, 30])
def test_a_quote_that_swallows_a_few_rows_costs_its_own(tmp_path: Path, swallowed: int) -> None:
    lines = [f"what is the way number {n},it is the way that leads to {n * 7}" for n in range(60)]
    lines[20] = 'what is the way number 20,"it is the way that leads to 140'
    lines[21 + swallowed] += '"'
    reading = read_bytes(tmp_path, "\n".join(["prompt,response", *lines, ""]).encode(), "faq.csv")
    assert reading.reasons == [None] * 20 + [Reason.INVALID_CSV] + [None] * 39


def test_an_answer_over_several_lines_is_kept(tmp_path: Path) -> None:
    plain = [f"what is the way number {n},it is the way that leads to {n * 7}" for n in range(20)]
    listed = '"name the first ones, please","one\ntwo\nthree\nfour"'
    reading = read_bytes(tmp_path, "\n".join(["prompt,response", *plain, listed, ""]).encode(), "faq.csv")
    assert reading.reasons == [None] * 21


def test_a_folder_whose_link_leads_to_itself_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "rows.jsonl").write_bytes(good(1) + b"\n")
    (tmp_path / "data" / "again").symlink_to(tmp_path / "data", target_is_directory=True)
    (tmp_path / "data" / "loop.jsonl").symlink_to("loop.jsonl")
    reading = read_sources(tmp_path, Source(path="data/**/*.jsonl"))
    assert [file.path for file in reading.ingest.files] == ["data/rows.jsonl"]
    assert reading.reasons == [None]
