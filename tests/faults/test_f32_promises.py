"""Fault class 32: what a columnar file unpacks to or promises is bounded, and what it does not hold is said."""

from __future__ import annotations

import os
import signal
import struct
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.faults.columnar_files import KINDS, ROWS, write_all
from tests.reading import good, read_measured, read_sources
from tilth.curation.reading import apart, columnar
from tilth.curation.reading.limits import ReadLimits, Reason
from tilth.curation.reading.read import Ingest, ingest
from tilth.curation.reading.source import Source

PEAK_MB = 512


def crash(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def flood(*_: object) -> None:
    held = []
    while True:
        held.append(bytes(range(256)) * 4096)


def stand_still(*_: object) -> None:
    signal.pause()


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (crash, Reason.READER_DIED),
        (flood, Reason.MEMORY_LIMIT),
        (stand_still, Reason.READER_STALLED),
    ],
)
def test_the_end_of_the_process_that_reads_is_named(function: object, reason: Reason) -> None:
    limits = ReadLimits(max_memory_bytes=400 << 20, max_silent_s=10 if function is not stand_still else 1)
    with apart.Apart(limits) as child:
        with pytest.raises(apart.Died) as died:
            child.call(function)
        assert died.value.reason is reason
        if function is not stand_still:  # whose second would be over before the next child has started
            assert child.call(answer) == 42


def answer(*_: object) -> int:
    return 42


def test_a_file_that_needs_too_much_memory_costs_itself_alone(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(good(1) + b"\n")
    pq.write_table(pa.table({"text": ["one text"]}), tmp_path / "b.parquet")
    (tmp_path / "c.jsonl").write_bytes(good(2) + b"\n")
    sources = [Source(path=name) for name in ("a.jsonl", "b.parquet", "c.jsonl")]
    reading = read_sources(tmp_path, *sources, limits=ReadLimits(max_memory_bytes=1 << 20))
    assert reading.reasons == [None, Reason.MEMORY_LIMIT, None]
    assert [file.problem for file in reading.ingest.files] == [None, Reason.MEMORY_LIMIT, None]


@pytest.mark.parametrize("megabytes", [15, 3])
def test_a_dictionary_that_repeats_one_text_is_read_in_pieces_and_stopped(
    tmp_path: Path, megabytes: int
) -> None:
    rows = pa.array(["x" * (megabytes << 20)]).dictionary_encode().take(pa.array([0] * 1024))
    pq.write_table(pa.table({"text": rows}), tmp_path / "bomb.parquet", compression="zstd")
    seen = read_measured(tmp_path / "bomb.parquet", tmp_path / "out")
    assert seen["problem"] == seen["reasons"][-1] == "expansion_limit"
    assert seen["peak_mb"] <= PEAK_MB
    assert seen["peak_children_mb"] <= PEAK_MB


def test_rows_that_a_footer_promises_are_missed(tmp_path: Path) -> None:
    for promised in (ROWS + 7, 10**12):
        write_promising(tmp_path / "rows.parquet", promised)
        reading = read_sources(tmp_path, Source(path="rows.parquet"))
        assert reading.reasons.count(None) == ROWS or reading.file.problem
        assert reading.file.lines == promised or reading.file.problem == Reason.UNREAD_BYTES


def write_promising(path: Path, promised: int) -> None:
    """Write a file of ROWS rows whose footer says `promised` of the file and of its only row group."""
    pq.write_table(pa.table({"text": [f"text {n}" for n in range(ROWS)]}), path, compression="none")
    data = path.read_bytes()
    (size,) = struct.unpack("<I", data[-8:-4])
    footer = data[-8 - size : -8]
    old = varint(ROWS)
    footer = footer.replace(b"\x16" + old, b"\x16" + varint(promised))
    path.write_bytes(data[: -8 - size] + footer + struct.pack("<I", len(footer)) + b"PAR1")


def varint(number: int) -> bytes:
    number <<= 1
    out = b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def test_a_damaged_batch_of_an_arrow_file_costs_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(tmp_path)

    class File:
        num_record_batches = 3

        def get_batch(self, number: int) -> pa.RecordBatch:
            if number == 1:
                raise pa.ArrowInvalid("not what it says")
            return pa.record_batch({"text": ["a", "b"]})

    found = list(columnar._batches(File()))
    assert [type(batch) for batch in found] == [pa.RecordBatch, Reason, pa.RecordBatch]


def test_bytes_behind_the_last_stream_are_named(tmp_path: Path) -> None:
    write_all(tmp_path)
    with (tmp_path / KINDS[4]).open("ab") as file:
        file.write(b"\xff\xff\xff\xff\x10\x00\x00\x00 and no stream")
    reading = read_sources(tmp_path, Source(path=KINDS[4]))
    assert reading.reasons == [None] * ROWS + [Reason.UNREAD_BYTES]
    assert reading.file.problem == Reason.UNREAD_BYTES


def test_the_child_is_gone_when_reading_ends(tmp_path: Path) -> None:
    write_all(tmp_path)
    before = children()
    read: Ingest = ingest([Source(path=KINDS[0])], tmp_path, tmp_path / "out", ReadLimits())
    assert read.files[0].lines == ROWS
    assert children() == before


def children() -> set[str]:
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())
