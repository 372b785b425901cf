"""Fault class 31: a flipped bit or a cut in a Parquet or Arrow file ends in lines or a message, never a signal."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl
import pytest

from tests.faults.columnar_files import KINDS, ROWS, write_all
from tests.reading import FULL
from tilth.curation.reading.apart import Apart
from tilth.curation.reading.files import InputFile
from tilth.curation.reading.limits import ReadLimits
from tilth.curation.reading.read import read_file
from tilth.curation.reading.source import Source
from tilth.shards.errors import TilthError

COUNT = 400 if FULL else 12
FOOTER_BYTES = 700


def damaged(data: bytes, chance: random.Random) -> bytes:
    mutated = bytearray(data)
    near_end = chance.random() < 0.5  # where the footer is
    at = len(data) - 1 - chance.randrange(min(len(data), FOOTER_BYTES)) if near_end else 0
    mutated[at or chance.randrange(len(data))] ^= 1 << chance.randrange(8)
    if chance.random() < 0.2:
        del mutated[chance.randrange(len(data)) :]
    return bytes(mutated)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_costs_its_own_rows_and_says_so(tmp_path: Path, kind: str) -> None:
    write_all(tmp_path)
    whole, limits, chance = (tmp_path / kind).read_bytes(), ReadLimits(max_silent_s=60), random.Random(31)
    path = tmp_path / f"damaged{Path(kind).suffix}"
    ends: set[str] = set()
    with Apart(limits) as apart:
        for number in range(COUNT):
            path.write_bytes(damaged(whole, chance))
            (out := tmp_path / f"out-{number}").mkdir()
            try:
                file = InputFile(path.name, path, Source(path=path.name))
                parts, read = read_file(apart, file, out / "0", limits, 1000, None)
            except TilthError as error:
                assert path.name in error.message()
                ends.add("message")
                continue
            lines = pl.concat([pl.read_parquet(part.occurrences) for part in parts])
            assert lines.height == read.lines
            assert read.lines >= ROWS or read.problem, number
            ends.add("lines")
    assert ends == {"lines"}  # a damaged footer too costs its own file, and the others are kept
