"""Fault class 34: mutated files of every text format end in lines or a message, and no line is lost."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import lzma
import random
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import zstandard

from tests.faults.test_f09_fuzzed_lines import CHAT, mutate
from tests.reading import FULL, good
from tilth.curation.reading.limits import ReadLimits
from tilth.curation.reading.read import ingest, peek
from tilth.curation.reading.source import Source
from tilth.shards.errors import TilthError

COUNT = 2_000 if FULL else 30  # of each format
LINES = b"\n".join([*(good(n) for n in range(12)), json.dumps(CHAT).encode()]) + b"\n"
ARRAY = b"[" + b",".join(good(n) for n in range(12)) + b"]"
PRETTY = b"\n".join(json.dumps(json.loads(good(n)), indent=1).encode() for n in range(12))
FILES: dict[str, Callable[[], bytes]] = {
    "rows.jsonl": lambda: LINES,
    "rows.json": lambda: ARRAY,
    "pretty.json": lambda: PRETTY,
    "rows.csv": lambda: table(","),
    "rows.tsv": lambda: table("\t"),
    "wide.csv": lambda: table(";").decode().encode("utf-16"),
    "rows.jsonl.gz": lambda: gzip.compress(LINES, mtime=0),
    "rows.jsonl.zst": lambda: zstandard.ZstdCompressor(write_checksum=True).compress(LINES),
    "rows.json.bz2": lambda: bz2.compress(ARRAY),
    "rows.jsonl.xz": lambda: lzma.compress(LINES),
}


def table(delimiter: str) -> bytes:
    text = io.StringIO()
    rows = csv.writer(text, delimiter=delimiter)
    rows.writerow(["prompt", "response"])
    rows.writerows([f"question {n}", f'an "answer", {n}\nof two lines'] for n in range(12))
    return text.getvalue().encode()


@pytest.mark.parametrize("name", FILES)
def test_a_mutated_file_is_accounted_for(tmp_path: Path, name: str) -> None:
    whole, chance, limits = FILES[name](), random.Random(f"34 {name}"), ReadLimits()
    path = tmp_path / name
    read_whole = 0
    for number in range(COUNT):
        data = mutate(whole, chance) if number % 2 else flipped(whole, chance)
        path.write_bytes(data)
        out = tmp_path / f"out-{number}"
        try:
            read = ingest([Source(path=name)], tmp_path, out, limits)
            peek(path, limits)
        except TilthError as error:
            assert name in error.message()
            continue
        lines = sum(pl.read_parquet(part.occurrences).height for part in read.parts)
        assert lines == read.files[0].lines
        text = data.strip(b" \t\r\n\0\xef\xbb\xbf[],")
        assert lines or not text or ((".csv" in name or ".tsv" in name) and b"\n" not in text), number
        read_whole += 1
    assert read_whole > COUNT // 10


def flipped(whole: bytes, chance: random.Random) -> bytes:
    data = bytearray(whole)
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    if chance.random() < 0.2:
        del data[chance.randrange(len(data)) :]
    return bytes(data)
