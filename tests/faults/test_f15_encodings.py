"""Fault class 15: text in another encoding is read where its mark or the recipe names it, refused line by line
where nothing does, never altered."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from tests.reading import read_bytes

TEXT = "Grüße, señor — 你好 \U0001f600"
LINE = f'{{"prompt":"{TEXT}","response":"A"}}\n'


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "gb18030", "utf-7"])
def test_another_encoding_is_quarantined(tmp_path: Path, encoding: str) -> None:
    reading = read_bytes(tmp_path, (LINE * 3).encode(encoding))
    if encoding == "utf-7":  # it is ASCII: the row is legal and holds the very characters of the file
        assert reading.texts() == [[LINE.encode(encoding).decode("ascii").split('"')[3], "A"]] * 3
        return
    assert None not in reading.reasons
    assert reading.file.lines >= 3


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32"])
def test_a_byte_order_mark_names_the_encoding(tmp_path: Path, encoding: str) -> None:
    assert read_bytes(tmp_path, (LINE * 3).encode(encoding)).texts() == [[TEXT, "A"]] * 3


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "gb18030"])
def test_the_recipe_names_the_encoding(tmp_path: Path, encoding: str) -> None:
    reading = read_bytes(tmp_path, (LINE * 3).encode(encoding), encoding=encoding)
    assert reading.texts() == [[TEXT, "A"]] * 3


def test_half_a_surrogate_pair_costs_its_line(tmp_path: Path) -> None:
    lines = LINE.encode("utf-16-le"), LINE.replace(TEXT, "\ud83d").encode("utf-16-le", "surrogatepass")
    data = codecs.BOM_UTF16_LE + lines[0] + lines[1] + lines[0]
    assert read_bytes(tmp_path, data).reasons == [None, "invalid_utf8", None]


def test_a_byte_that_its_encoding_lacks_costs_its_line(tmp_path: Path) -> None:
    data = "prompt,response\nGrüße,A\n".encode("cp1252") + b"\x81,A\nQ,A\n"
    reading = read_bytes(tmp_path, data, "a.csv", encoding="cp1252")
    assert reading.reasons == [None, "invalid_utf8", None]
    assert reading.texts()[0] == ["Grüße", "A"]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252"])
def test_single_bytes_of_latin_text_are_quarantined_line_by_line(tmp_path: Path, encoding: str) -> None:
    line = '{"prompt":"Grüße","response":"A"}\n'
    data = line.encode("utf-8") + line.encode(encoding) + line.encode("utf-8")
    assert read_bytes(tmp_path, data).reasons == [None, "invalid_utf8", None]


def test_utf8_comes_through_to_the_last_bit(tmp_path: Path) -> None:
    odd = ["\ufeff", "\x7f", "\x85", "\u2028\u2029", "\ufffd", "\U0010ffff", "e\u0301", "é", "\u202e"]
    lines = "".join(f'{{"prompt":"{text}","response":"A"}}\n' for text in odd)
    reading = read_bytes(tmp_path, codecs.BOM_UTF8 + lines.encode())
    assert [texts[0] for texts in reading.texts()] == odd


@pytest.mark.parametrize(
    ("escape", "outcome"),
    [
        (r"\u0000", "\x00"),
        (r"\ud83d\ude00", "\U0001f600"),
        (r"\ud83d", "lone_surrogate"),
        (r"\ude00\ud83d", "lone_surrogate"),
        (r"\ufffe", "\ufffe"),
    ],
)
def test_escapes_are_exact_or_refused(tmp_path: Path, escape: str, outcome: str) -> None:
    reading = read_bytes(tmp_path, f'{{"prompt":"{escape}","response":"A"}}'.encode())
    assert reading.reasons == [outcome] if "_" in outcome else reading.texts() == [[outcome, "A"]]
