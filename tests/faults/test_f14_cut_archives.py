"""Fault class 14: of a cut archive the complete lines are kept, and the rest is one quarantined line."""

from __future__ import annotations

import gzip
import random
import zlib
from pathlib import Path

import pytest
import zstandard

from tests.reading import good, read_bytes

LINES = [good(random.Random(n).randrange(10**12)) for n in range(20_000)]
DATA = b"\n".join(LINES) + b"\n"
ARCHIVES = {
    "rows.jsonl.gz": gzip.compress(DATA),
    "rows.jsonl.zst": zstandard.ZstdCompressor(write_checksum=True).compress(DATA),
}


def decoded_before(name: str, cut: bytes) -> bytes:
    """Return what the library itself gives of a cut archive."""
    if name.endswith(".gz"):
        return zlib.decompressobj(31).decompress(cut)
    return zstandard.ZstdDecompressor().decompressobj().decompress(cut)


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("tenth", range(10))
def test_complete_lines_of_a_cut_archive_are_kept(tmp_path: Path, name: str, tenth: int) -> None:
    archive = ARCHIVES[name]
    cut = archive[: len(archive) * tenth // 10 + (tenth == 9) * (len(archive) // 10 - 3)]
    reading = read_bytes(tmp_path, cut, name)
    kept = decoded_before(name, cut).count(b"\n")
    assert reading.reasons == [None] * kept + ["cut_archive"]
    assert reading.file.problem == "cut_archive"
    assert tenth < 2 or kept > 0


@pytest.mark.parametrize("name", ARCHIVES)
@pytest.mark.parametrize("size", [0, 1, 2, 3, 5, 17])
def test_an_archive_of_a_few_bytes_is_cut(tmp_path: Path, name: str, size: int) -> None:
    assert read_bytes(tmp_path, ARCHIVES[name][:size], name).reasons == ["cut_archive"]


@pytest.mark.parametrize("name", ARCHIVES)
def test_no_line_of_an_archive_with_a_wrong_checksum_is_trusted(tmp_path: Path, name: str) -> None:
    archive = bytearray(ARCHIVES[name])
    archive[-2 if name.endswith("zst") else -6] ^= 1
    reading = read_bytes(tmp_path, bytes(archive), name)
    assert set(reading.reasons) == {"damaged_archive"}
    assert reading.file.problem == "damaged_archive"
    assert len(reading.reasons) > len(LINES) / 2
    assert reading.rows.height == reading.turns.height == 0


@pytest.mark.parametrize("name", ARCHIVES)
def test_flipped_bits_never_change_a_row_silently(tmp_path: Path, name: str) -> None:
    chance = random.Random(14)
    truth = {line.decode() for line in LINES}
    for number in range(8):
        archive = bytearray(ARCHIVES[name])
        archive[chance.randrange(20, len(archive) - 8)] ^= 1 << chance.randrange(8)
        reading = read_bytes(tmp_path / str(number), bytes(archive), name)
        texts = {
            f'{{"prompt": "{prompt}", "response": "{response}"}}' for prompt, response in reading.texts()
        }
        assert texts <= truth
        assert reading.file.problem in ("damaged_archive", "cut_archive")
