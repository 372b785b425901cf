"""Every file is read as what it is, whatever its name says, or refused as what it is."""

from __future__ import annotations

import bz2
import io
import json
import lzma
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.reading import good, read_bytes, read_sources
from tilth.curation.reading.formats import Format, formats, suffixes
from tilth.curation.reading.limits import ReadLimits, Reason
from tilth.curation.reading.read import Source
from tilth.shards.errors import SourceError, UsageError

ROWS = [{"prompt": f"question {n}", "response": f"answer {n}"} for n in range(6)]
JSONL = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
TEXTS = [[row["prompt"], row["response"]] for row in ROWS]


def table(delimiter: str = ",", end: str = "\n") -> str:
    lines = ["prompt,response", *(f"{row['prompt']},{row['response']}" for row in ROWS)]
    return end.join(line.replace(",", delimiter) for line in lines) + end


def tarred(mode: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=f"w:{mode}") as archive:
        member = tarfile.TarInfo("d.jsonl")
        member.size = len(JSONL)
        archive.addfile(member, io.BytesIO(JSONL))
    return out.getvalue()


def zipped() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("d.jsonl", JSONL)
    return out.getvalue()


def test_each_format_is_one_file_under_the_contract() -> None:
    assert list(formats()) == ["json", "csv", "parquet", "arrow", "jsonl"]
    assert all(isinstance(found, Format) for found in formats().values())
    assert {".jsonl", ".tsv", ".parquet", ".csv.gz", ".json.xz"} <= set(suffixes())
    assert ".parquet.gz" not in suffixes()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", json.dumps(ROWS).encode()),
        ("a.jsonl", json.dumps(ROWS, indent=2).encode()),
        ("a.jsonl", "\n".join(json.dumps(row, indent=2) for row in ROWS).encode()),
        ("a.json", ",\n".join(json.dumps(row, indent=2) for row in ROWS).encode()),
        ("a.jsonl", JSONL.replace(b"\n", b"\r")),
        ("a.jsonl", JSONL.decode().encode("utf-16")),
        ("a.jsonl.bz2", bz2.compress(JSONL)),
        ("a.jsonl.bz2", bz2.compress(JSONL[:90]) + bz2.compress(JSONL[90:])),
        ("a.jsonl.xz", lzma.compress(JSONL)),
        ("a.jsonl", lzma.compress(JSONL)),
        ("a.csv", table().encode()),
        ("a.csv", table(";").encode()),
        ("a.csv", table("\t").encode()),
        ("a.csv", table("|").encode()),
        ("a.csv", table("\t").encode("utf-16")),
        ("a.csv", ("sep=;\n" + table(";")).encode()),
        ("a.csv", table(end="\r").encode()),
        ("a.csv", table(end="\r\n").encode("utf-8-sig")),
        ("a.tsv", table("\t").encode()),
        ("a.tsv", table(",").encode()),
        ("a.csv.xz", lzma.compress(table(";").encode())),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_bytes_say_what_a_file_is(tmp_path: Path, name: str, data: bytes) -> None:
    reading = read_bytes(tmp_path, data, name)
    assert reading.reasons == [None] * len(ROWS)
    assert reading.texts() == TEXTS


@pytest.mark.parametrize("data", [bz2.compress(JSONL), lzma.compress(JSONL)])
def test_a_cut_or_damaged_archive_is_never_taken_for_whole(tmp_path: Path, data: bytes) -> None:
    assert read_bytes(tmp_path / "cut", data[:-9]).file.problem == Reason.CUT_ARCHIVE
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 255
    assert read_bytes(tmp_path / "flip", bytes(damaged)).file.problem == Reason.DAMAGED_ARCHIVE


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.zip", zipped(), "zip archive.*unpack it"),
        ("a.jsonl", zipped(), "zip archive"),
        ("a.tar", tarred(""), "tar archive.*unpack it"),
        ("a.tar.gz", tarred("gz"), "tar archive"),
        ("a.jsonl.gz", tarred("gz"), "tar archive"),
        ("a.tar.xz", tarred("xz"), "tar archive"),
        ("a.jsonl", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
        ("a.parquet", b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"),
        ("a.json", b"\n <!DOCTYPE html><html>sign in</html>", "HTML page"),
        ("a.jsonl", b"%PDF-1.7 ...", "PDF"),
        ("a.pkl", b"\x80\x04\x95", "pickle, which could run code"),
    ],
)
def test_what_holds_no_rows_is_refused_as_what_it_is(
    tmp_path: Path, name: str, data: bytes, words: str
) -> None:
    with pytest.raises(SourceError, match=rf"{name}: this is .*{words}"):
        read_bytes(tmp_path, data, name)


def test_delimiter_and_quote_can_be_set(tmp_path: Path) -> None:
    data = b"prompt:response\n'a:b':c\n"
    reading = read_bytes(tmp_path, data, "a.csv", delimiter=":", quote="'")
    assert reading.texts() == [["a:b", "c"]]
    with pytest.raises(ValueError, match="one character"):
        Source(path="a.csv", delimiter="::")
    with pytest.raises(ValueError, match="no encoding is called 'utf-77'"):
        Source(path="a.csv", encoding="utf-77")


@pytest.mark.parametrize("text", ["question; really,answer\nA; b,C\n", "question,a;b\nQ,A\nQ,A\n"])
def test_a_comma_that_parts_the_header_stays_the_delimiter(tmp_path: Path, text: str) -> None:
    columns = text.splitlines()[0].split(",")
    reading = read_bytes(tmp_path, text.encode(), "a.csv", map=dict(zip(("prompt", "response"), columns)))
    assert None in reading.reasons


def test_a_quote_that_is_never_closed_costs_its_record_alone(tmp_path: Path) -> None:
    lines = [f"question {n},answer {n}" for n in range(301)]
    lines[150] = '"question 150,answer 150'
    reading = read_bytes(tmp_path, ("prompt,response\n" + "\n".join(lines) + "\n").encode(), "a.csv")
    assert reading.reasons == [None] * 150 + [Reason.INVALID_CSV] + [None] * 150


def test_two_stray_quotes_do_not_make_one_record_of_all_between(tmp_path: Path) -> None:
    lines = [f"question {n},answer {n}" for n in range(200)]
    lines[50] = 'question 50,"answer 50'
    lines[150] = 'question 150,answer 150"'
    reading = read_bytes(tmp_path, ("prompt,response\n" + "\n".join(lines) + "\n").encode(), "a.csv")
    assert reading.reasons.count(Reason.INVALID_CSV) == 1
    assert reading.file.lines == 200
    assert max(len(text or "") for texts in reading.texts() for text in texts) < 40


def test_a_table_or_a_poem_inside_a_quoted_answer_is_one_record(tmp_path: Path) -> None:
    inner = "name,town\n" + "\n".join(f"person {n},town {n}" for n in range(40))
    poem = "\n".join(f"line {n}, and on" for n in range(40))
    data = f'prompt,response\n"Make a list","{inner}"\n"Write a poem","{poem}"\n'.encode()
    reading = read_bytes(tmp_path, data, "a.csv")
    assert reading.texts() == [["Make a list", inner], ["Write a poem", poem]]


def test_lines_are_not_read_again_without_end(tmp_path: Path) -> None:
    lines = "".join(f'"open {n},A\n' for n in range(3000))
    limits = ReadLimits(max_line_bytes=4000)
    reading = read_bytes(tmp_path, b"prompt,response\n" + lines.encode(), "a.csv", limits)
    assert None not in reading.reasons


@pytest.mark.parametrize(
    "broken",
    [
        '{"prompt": "Q", "response": "A", "tags": ["a"}',
        '{"prompt": "Q", "response": "A", "tags": ["a"]]}',
        '{"prompt": "Q", "response": "A"',
        '{"prompt": "Q", "response": "A"}}',
        '{"prompt": "Q", "response": ["A", {"b": [1}}',
    ],
)
@pytest.mark.parametrize("joint", [", ", ",\n"])
def test_a_bad_element_costs_itself(tmp_path: Path, broken: str, joint: str) -> None:
    whole = [json.dumps(row) for row in ROWS]
    data = "[" + joint.join([*whole[:3], broken, *whole[3:]]) + "]"
    reading = read_bytes(tmp_path, data.encode(), "a.json")
    assert reading.reasons == [None] * 3 + [Reason.INVALID_JSON] + [None] * 3


def test_a_quote_that_is_not_closed_costs_its_element_where_lines_end(tmp_path: Path) -> None:
    whole = [json.dumps(row, indent=1) for row in ROWS]
    data = "[" + ",\n".join([*whole[:3], '{\n "prompt": "Q,\n "response": "A"\n}', *whole[3:]]) + "]"
    assert (
        read_bytes(tmp_path, data.encode(), "a.json").reasons
        == [None] * 3 + [Reason.INVALID_JSON] + [None] * 3
    )


def test_an_object_over_several_lines_that_is_broken_costs_itself(tmp_path: Path) -> None:
    whole = [json.dumps(row, indent=1) for row in ROWS]
    data = "\n".join([*whole[:3], '{\n "prompt": "Q",\n "response": [', *whole[3:]])
    reading = read_bytes(tmp_path, data.encode(), "a.jsonl")
    assert reading.reasons == [None] * 3 + [Reason.INVALID_JSON] + [None] * 3


def test_an_array_that_is_not_closed_is_reported_as_unfinished(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, json.dumps(ROWS).encode()[:-40], "a.json")
    assert reading.reasons[-1] == reading.file.problem == Reason.CUT_ARRAY


def test_lists_on_lines_of_their_own_are_json_lines(tmp_path: Path) -> None:
    assert read_bytes(tmp_path, b'["a"]\n["b"]\n').reasons == [Reason.NOT_AN_OBJECT] * 2


def test_a_cut_first_line_does_not_change_how_a_file_is_read(tmp_path: Path) -> None:
    reading = read_bytes(tmp_path, b'{"prompt": "cut off\n' + good(1) + b"\n" + good(2) + b"\n")
    assert reading.reasons == [Reason.INVALID_JSON, None, None]


def saved(folder: Path, rows: list[dict[str, Any]], files: int = 2) -> None:
    """Write rows as `datasets.save_to_disk` does."""
    folder.mkdir(parents=True)
    names = [f"data-{n:05d}-of-{files:05d}.arrow" for n in range(files)]
    for n, name in enumerate(names):
        found = pa.Table.from_pylist(rows[n::files])
        with pa.OSFile(str(folder / name), "wb") as out, pa.ipc.new_stream(out, found.schema) as writer:
            writer.write_table(found)
    (folder / "state.json").write_text(json.dumps({"_data_files": [{"filename": name} for name in names]}))
    (folder / "dataset_info.json").write_text("{}")


def test_a_saved_set_is_read_by_its_folder(tmp_path: Path) -> None:
    saved(tmp_path / "ds" / "train", ROWS)
    (tmp_path / "ds" / "dataset_dict.json").write_text('{"splits": ["train", "test"]}')
    reading = read_sources(tmp_path, Source(path="ds/train"))
    assert sorted(reading.texts()) == TEXTS
    with pytest.raises(UsageError, match=r"holds the splits train, test.*ds/train"):
        read_sources(tmp_path, Source(path="ds"))
    (tmp_path / "ds" / "train" / "data-00001-of-00002.arrow").unlink()
    with pytest.raises(SourceError, match=r"of the 2 files .* 1 are not there"):
        read_sources(tmp_path, Source(path="ds/train"), out=tmp_path / "other")


def test_a_folder_says_which_of_its_files_to_name(tmp_path: Path) -> None:
    (tmp_path / "d" / "data").mkdir(parents=True)
    (tmp_path / "d" / "README.md").write_text("about")
    for n in range(3):
        (tmp_path / "d" / "data" / f"train-{n}.parquet").write_bytes(b"")
    with pytest.raises(UsageError, match=r"write d/\*/\*\.parquet \(3 files\)"):
        read_sources(tmp_path, Source(path="d"))
