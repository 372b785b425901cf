"""Every line of input becomes one occurrence: whatever the bytes, the container and the size of a batch."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import os
import random
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.reading import good, read_bytes, read_sources
from tilth.curation.reading.decompress import chunks
from tilth.curation.reading.limits import ReadLimits, Reason
from tilth.curation.reading.manner import TABLE_NULLS
from tilth.curation.reading.read import Source, peek
from tilth.shards.digest import row_id
from tilth.shards.errors import SourceError, UsageError
from tilth.shards.tables import OCCURRENCES, ROWS, TURNS

ROW = {"prompt": "Q", "response": "A"}
ROWS_10 = [{"prompt": f"question {n}", "response": f"answer {n}", "n": n} for n in range(10)]
JSONL_10 = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS_10)
REAL = os.environ.get("TILTH_REAL_DATA")  # a folder of public sets, for those who have it


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    text = io.StringIO()
    table = csv.DictWriter(text, rows[0])
    table.writeheader()
    table.writerows(rows)
    return text.getvalue().encode()


def as_parquet(rows: list[dict[str, Any]], **options: Any) -> bytes:
    out = io.BytesIO()
    pa.parquet.write_table(pa.Table.from_pylist(rows), out, **options)
    return out.getvalue()


def as_arrow_stream(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    table = pa.Table.from_pylist(rows)
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return out.getvalue()


def as_feather(rows: list[dict[str, Any]]) -> bytes:
    out = io.BytesIO()
    pa.feather.write_feather(pa.Table.from_pylist(rows), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", JSONL_10),
        ("a.json", JSONL_10),
        ("a.json", json.dumps(ROWS_10).encode()),
        ("a.json", b"\xef\xbb\xbf \n" + json.dumps(ROWS_10, indent=2).encode() + b"\n"),
        ("a.jsonl.gz", gzip.compress(JSONL_10)),
        ("a.jsonl.gz", gzip.compress(JSONL_10[:100]) + gzip.compress(JSONL_10[100:]) + b"\0" * 9),
        ("a.jsonl.zst", zstandard.compress(JSONL_10)),
        ("a.jsonl.zst", zstandard.compress(JSONL_10[:100]) + zstandard.compress(JSONL_10[100:])),
        ("a.json.zst", zstandard.compress(json.dumps(ROWS_10).encode())),
        ("no-suffix", gzip.compress(JSONL_10)),
        ("a.jsonl", JSONL_10.replace(b"\n", b"\r\n")),
        ("a.jsonl", b"\xef\xbb\xbf" + JSONL_10[:-1]),
        ("a.csv", as_csv(ROWS_10)),
        ("a.csv.gz", gzip.compress(b"\xef\xbb\xbf" + as_csv(ROWS_10))),
        ("a.tsv", as_csv(ROWS_10).replace(b",", b"\t")),
        ("a.parquet", as_parquet(ROWS_10)),
        ("a.parquet", as_parquet(ROWS_10, row_group_size=3)),
        ("a.arrow", as_feather(ROWS_10)),
        ("a.arrow", as_arrow_stream(ROWS_10)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_every_container_gives_the_same_rows(tmp_path: Path, name: str, data: bytes) -> None:
    reading = read_bytes(tmp_path, data, name)
    assert reading.texts() == [[row["prompt"], row["response"]] for row in ROWS_10]
    assert reading.reasons == [None] * 10
    assert reading.file.problem is None
    assert reading.file.digest == hashlib.sha256(data).hexdigest()
    assert reading.file.bytes == len(data)
    assert set(reading.rows["source"]) == {"a" if name[0] == "a" else "no-suffix"}
    numbers = [json.loads(text)["n"] for text in reading.rows["attributes"]]
    assert [int(number) for number in numbers] == list(range(10))


def test_the_tables_have_the_contracted_schemas_and_ids(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, good(1) + b"\n[]\n")
    assert reading.occurrences.schema == OCCURRENCES
    assert reading.rows.schema == ROWS
    assert reading.turns.schema == TURNS
    turns = [{"role": "user", "text": "question 1"}, {"role": "assistant", "text": "answer 1"}]
    assert reading.occurrences["row_id"].to_list() == [row_id("instruction", turns, None), None]
    assert reading.rows["text_digest"].to_list() == [None]
    assert reading.occurrences["file_digest"].to_list() == [bytes.fromhex(reading.file.digest)] * 2


ANY_LINE = st.one_of(
    st.binary(max_size=60),
    st.sampled_from(
        [good(1), good(2), b"", b"  ", b'{"prompt":"Q"}', b"[]", b'{"a":1,"a":2}', b"\xff", b"\r"]
    ),
)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(ANY_LINE, max_size=12), st.sampled_from(["jsonl", "gz", "zst"]), st.booleans())
def test_lines_in_equal_occurrences_for_any_bytes(
    tmp_path: Path, pieces: list[bytes], container: str, newline: bool
) -> None:
    data = good(0) + b"\n" + b"\n".join(pieces) + b"\n" * newline
    expected = data.count(b"\n") + (not data.endswith(b"\n"))
    stored = {"jsonl": bytes, "gz": gzip.compress, "zst": zstandard.compress}[container](data)
    reading = read_bytes(tmp_path, stored, f"a.jsonl.{container}".removesuffix(".jsonl"))
    assert reading.file.lines == expected
    for line, raw in zip(reading.reasons, data.split(b"\n"), strict=False):
        assert (line is None) is (raw.strip().removeprefix(b"\xef\xbb\xbf") in (good(0), good(1), good(2)))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.lists(st.text(max_size=8).filter(lambda text: text not in TABLE_NULLS), min_size=2, max_size=2),
        min_size=1,
        max_size=8,
    )
)
def test_csv_records_come_through_unchanged(tmp_path: Path, records: list[list[str]]) -> None:
    rows = [{"prompt": a, "response": b} for a, b in records]
    reading = read_bytes(tmp_path, as_csv(rows), "a.csv")
    assert reading.reasons == [None] * len(rows)
    assert reading.texts() == [[a, b] for a, b in records]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(st.dictionaries(st.text(max_size=4), st.text(max_size=8) | st.lists(st.integers())), max_size=6),
    st.sampled_from([None, 1]),
    st.integers(1, 9),
)
def test_array_elements_are_cut_where_a_parser_would_cut_them(
    tmp_path: Path, rows: list[dict[str, Any]], indent: int | None, chunk: int
) -> None:
    from tilth.curation.reading.json_array import elements

    data = json.dumps(rows, indent=indent, ensure_ascii=False).encode()
    pieces = (data[start : start + chunk] for start in range(0, len(data), chunk))
    assert [json.loads(element) for element in elements(pieces, 1 << 20)] == rows


@pytest.mark.parametrize(
    ("data", "reasons"),
    [
        (b"[]", []),
        (b" [ ] ", []),
        (b"[%b,,%b]", [None, Reason.BLANK, None]),
        (b"[%b,]", [None, Reason.BLANK]),
        (b"[%b,7,%b]", [None, Reason.NOT_AN_OBJECT, None]),
        (b'[%b,{"a":1}},%b]', [None, Reason.INVALID_JSON, None]),
        (b"[%b] x", [None, Reason.UNREAD_BYTES]),
        (b"[%b,%b", [None, Reason.CUT_ARRAY]),
        (b'[%b,{"prompt":"' + b"x" * 500 + b'"},%b]', [None, Reason.TOO_LONG, None]),
    ],
)
def test_a_broken_array_loses_nothing_silently(
    tmp_path: Path, data: bytes, reasons: list[str | None]
) -> None:
    data = data % tuple(good(n) for n in range(data.count(b"%b")))
    assert read_bytes(tmp_path, data, "a.json", ReadLimits(max_line_bytes=300)).reasons == reasons


@pytest.mark.parametrize(
    ("record", "reasons"),
    [
        (b"", [Reason.BLANK]),
        (b"Q", [Reason.WRONG_COLUMNS]),
        (b"Q,A,extra", [Reason.WRONG_COLUMNS]),
        (b"Q,\xff", [Reason.INVALID_UTF8]),
        (b'"Q"x,A', [Reason.INVALID_CSV]),
        (b"Q,a\rb", [Reason.INVALID_CSV]),
        (b"Q," + b"x" * 400, [Reason.TOO_LONG]),
        (b'"multi\nline, ""quoted""",A', [None]),
        (b"nul\x00,A", [None]),
    ],
)
def test_a_bad_csv_record_leaves_its_neighbours(
    tmp_path: Path, record: bytes, reasons: list[str | None]
) -> None:
    data = b"prompt,response\nQ1,A1\n" + record + b"\nQ2,A2\n"
    reading = read_bytes(tmp_path, data, "a.csv", ReadLimits(max_line_bytes=300))
    assert reading.reasons == [None, *reasons, None]
    assert reading.texts()[0] == ["Q1", "A1"] and reading.texts()[-1] == ["Q2", "A2"]


def test_an_open_quote_is_cut_at_the_bound_and_at_the_end(tmp_path: Path) -> None:
    body = b"".join(b"Q%d,A%d\n" % (n, n) for n in range(200))
    reading = read_bytes(
        tmp_path, b'prompt,response\n"open,A\n' + body, "a.csv", ReadLimits(max_line_bytes=300)
    )
    assert reading.reasons[0] == Reason.TOO_LONG
    assert set(reading.reasons[1:]) == {None}
    tail = read_bytes(tmp_path, b'prompt,response\nQ,A\n"cut', "b.csv")
    assert tail.reasons == [None, Reason.CUT_TAIL]


@pytest.mark.parametrize("header", [b"prompt,prompt\nQ,A\n", b"pro\xffmpt,b\nQ,A\n", b'"open'])
def test_a_csv_without_a_usable_header_is_refused(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(SourceError, match=r"a\.csv: the header"):
        read_bytes(tmp_path, header, "a.csv")


def test_parquet_chat_with_nulls_and_other_types(tmp_path: Path) -> None:
    messages = [{"role": "user", "content": "Q", "tool_calls": None}, {"role": "assistant", "content": "A"}]
    rows = [
        {
            "messages": messages,
            "score": float("nan"),
            "at": pa.scalar(0, pa.timestamp("s")).as_py(),
            "raw": b"\0",
        },
        {"messages": None, "score": 0.5, "at": None, "raw": None},
    ]
    reading = read_bytes(tmp_path, as_parquet(rows), "a.parquet")
    assert reading.reasons == [None, Reason.WRONG_TYPE]
    assert reading.rows["attributes"].to_list() == ['{"at":"1970-01-01 00:00:00"}']


def test_invalid_text_in_arrow_quarantines_its_row_only(tmp_path: Path) -> None:
    broken = pa.array([b"Q1", b"\xff\xfe", b"Q3"], pa.binary()).view(pa.string())
    table = pa.table({"prompt": broken, "response": ["A"] * 3})
    out = io.BytesIO()
    pa.parquet.write_table(table, out)
    assert read_bytes(tmp_path, out.getvalue(), "a.parquet").reasons == [None, Reason.INVALID_UTF8, None]
    out = io.BytesIO()
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    assert read_bytes(tmp_path, out.getvalue(), "a.arrow").reasons == [None, Reason.INVALID_UTF8, None]


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow"])
def test_a_cut_columnar_file_costs_itself_and_no_other(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(as_parquet(ROWS_10)[:-20])
    (tmp_path / "b.jsonl").write_bytes(good(1) + b"\n")
    reading = read_sources(tmp_path, Source(path=name), Source(path="b.jsonl"))
    assert reading.reasons == [Reason.UNREAD_BYTES, None]
    assert [file.problem for file in reading.ingest.files] == [Reason.UNREAD_BYTES, None]


def test_a_damaged_parquet_row_group_is_quarantined_row_by_row(tmp_path: Path) -> None:
    rows = [{"prompt": os.urandom(40).hex(), "response": "A"} for _ in range(3000)]
    data = bytearray(as_parquet(rows, row_group_size=1000, use_dictionary=False, compression="zstd"))
    position = data.index(b"\x28\xb5\x2f\xfd", len(data) // 2)
    data[position : position + 60] = bytes(60)
    reasons = read_bytes(tmp_path, bytes(data), "a.parquet").reasons
    assert len(reasons) == 3000
    assert set(reasons) == {None, Reason.DAMAGED}


def test_batches_are_bounded_and_change_nothing(tmp_path: Path) -> None:
    data = b"".join(good(n % 7) + b"\n" for n in range(50))
    whole = read_bytes(tmp_path / "a", data)
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "rows.jsonl").write_bytes(data)
    calls: list[tuple[str, int, int]] = []
    small = read_sources(
        tmp_path / "b", Source(path="rows.jsonl"), batch_rows=8, on_progress=lambda *call: calls.append(call)
    )
    assert len(small.ingest.parts) == 7 == len(calls)
    assert calls[-1] == ("rows.jsonl", len(data), len(data))
    assert whole.occurrences.equals(small.occurrences)
    assert whole.rows.height == 7
    assert all(pl.read_parquet(part.occurrences).height <= 8 for part in small.ingest.parts)


def test_globs_keep_the_names_as_written(tmp_path: Path) -> None:
    for name in ("b.jsonl", "a.jsonl", "deep/c.jsonl"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(good(1))
    (tmp_path / "recipe").mkdir()
    reading = read_sources(tmp_path / "recipe", Source(path="../data/**/*.jsonl"))
    names = [file.path for file in reading.ingest.files]
    assert names == ["../data/a.jsonl", "../data/b.jsonl", "../data/deep/c.jsonl"]
    assert [file.source for file in reading.ingest.files] == ["a", "b", "c"]


def test_a_name_with_glob_marks_is_taken_literally_first(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, good(1), "part[1].jsonl").file.path == "part[1].jsonl"


@pytest.mark.parametrize(
    ("paths", "error", "words"),
    [
        (["none/*.jsonl"], UsageError, "none/\\*.jsonl: no such file"),
        (["none.jsonl"], UsageError, "none.jsonl: no such file"),
        (["folder"], UsageError, "folder: this is a folder.*folder/\\*.jsonl"),
        (["a.jsonl", "./a.jsonl"], UsageError, "name this file"),
        (["pipe"], SourceError, "pipe: this is no regular file"),
        (["a.parquet.gz"], UsageError, "parquet inside an archive"),
    ],
)
def test_paths_that_cannot_be_read_say_why(
    tmp_path: Path, paths: list[str], error: type[Exception], words: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "a.jsonl").write_bytes(good(1))
    (tmp_path / "folder" / "b.jsonl").write_bytes(good(1))
    (tmp_path / "a.parquet.gz").write_bytes(gzip.compress(as_parquet(ROWS_10)))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(error, match=words):
        read_sources(tmp_path, *(Source(path=path) for path in paths))


def test_a_file_without_a_readable_line_is_all_quarantine(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b"one\ntwo\n").reasons == [Reason.INVALID_JSON] * 2
    assert read_bytes(tmp_path, b"", "empty.jsonl").file.lines == 0


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"".join(good(n) + b"\n" for n in range(20)))

    def append(*_: object) -> None:
        with path.open("ab") as file:
            file.write(good(99) + b"\n")

    with pytest.raises(SourceError, match="changed while it was read"):
        read_sources(tmp_path, Source(path="rows.jsonl"), batch_rows=10, on_progress=append)


@pytest.mark.parametrize("name", ["a.gz", "a.zst", "a"])
def test_chunks_are_what_the_library_decompresses(name: str) -> None:
    data = random.Random(3).randbytes(700_000) + bytes(3_000_000)
    stored = {"a.gz": gzip.compress, "a.zst": zstandard.compress, "a": bytes}[name](data)
    pieces = list(chunks(io.BytesIO(stored), name, ReadLimits()))
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= 34 << 20


def test_peek_shows_the_shape_without_reading_everything(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_bytes(b"broken\n" + b"".join(good(n) + b"\n" for n in range(500)))
    seen = peek(path, ReadLimits(), rows=10)
    assert seen.format == "jsonl"
    assert seen.mapping is not None
    assert seen.mapping.shape == "instruction"
    assert {**seen.mapping.columns, **{"prompt": "prompt", "response": "response"}} == seen.mapping.columns
    assert len(seen.rows) == 9 and seen.reasons == {"invalid_json": 1}
    assert seen.rows[0]["turns"][1] == {"role": "assistant", "text": "answer 0"}
    path.write_bytes(b'{"a": 1}')
    assert peek(path, ReadLimits()).mapping is None
    assert peek(path, ReadLimits()).columns == ["a"]


@pytest.mark.skipif(not REAL, reason="TILTH_REAL_DATA names no folder")
def test_the_real_shapes_read_without_a_mapping(tmp_path: Path) -> None:
    reading = read_sources(Path(str(REAL)) / "sft", Source(path="native/*.jsonl.zst"), out=tmp_path)
    assert [file.lines for file in reading.ingest.files] == [2996, 4535, 3146, 7673, 7473, 3000, 5108]
    assert reading.occurrences["reader_reason"].null_count() == 33_931
