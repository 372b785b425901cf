"""Fault class 10: a bad line is quarantined with its number and reason; every good row around it survives."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from tests.reading import good, read_bytes
from tilth.curation.reading.limits import ReadLimits

HOSTILE = [
    (b'{"prompt":"Q"', "invalid_json"),
    (b"\x80\x81", "invalid_utf8"),
    (b'{"prompt":"caf\xe9","response":"A"}', "invalid_utf8"),
    (b'{"prompt":"Q","response":Infinity}', "non_finite"),
    (b'{"prompt":["Q"],"response":"A"}', "wrong_type"),
    (b'["prompt","response"]', "not_an_object"),
    (b"null", "not_an_object"),
    (b"", "blank"),
    (b" \t ", "blank"),
    (b"\xef\xbb\xbf" + good(1), "bom"),
    (b'{"prompt":"Q","prompt":"R","response":"A"}', "duplicate_key"),
    (b'{"prompt":"\\udead","response":"A"}', "lone_surrogate"),
    (b'{"prompt":"a\x00b","response":"A"}', "invalid_json"),
    (b'{"prompt":"Q","response":"A","x":' + b"[" * 65 + b"]" * 65 + b"}", "too_deep"),
    (b'{"prompt":"Q"}', "missing_field"),
    (b'{"prompt":"' + b"x" * 5000 + b'","response":"A"}', "too_long"),
]
LEGAL = [
    b'{"prompt":"Q?","response":"A","n":NaN}',
    b'{"prompt":"Q","response":1}',
    b'{"prompt":"a\\u0000b","response":"A"}',
    b'{"prompt":"How many?","response":"A","n":123456789012345678901234567890}',
    good(3) + b"\r",
    '{"prompt":"one\u2028line\u0085still","response":"A"}'.encode(),
    b'{"prompt":"Q","response":"A","extra":"key"}',
    b'{"prompt":"","response":""}',
]


@pytest.mark.parametrize("container", ["jsonl", "jsonl.gz"])
def test_each_bad_line_is_named_and_every_good_row_survives(tmp_path: Path, container: str) -> None:
    lines: list[bytes] = []
    expected: list[str | None] = []
    for number, (line, reason) in enumerate([*HOSTILE, *((line, None) for line in LEGAL)]):
        lines += [good(number), line]
        expected += [None, reason]
    data = b"\n".join(lines) + b"\n" + good(99)[:-4]
    stored = gzip.compress(data) if container.endswith("gz") else data
    reading = read_bytes(tmp_path, stored, f"rows.{container}", ReadLimits(max_line_bytes=4096))
    assert reading.reasons == [*expected, "cut_tail"]
    assert reading.texts()[0] == ["question 0", "answer 0"]
    texts = [text for texts in reading.texts() for text in texts]
    assert {"a\x00b", "one\u2028line\u0085still"} <= set(texts)
    assert '{"n":123456789012345678901234567890}' in reading.rows["attributes"].to_list()
