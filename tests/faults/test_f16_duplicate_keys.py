"""Fault class 16: a key given twice is refused, wherever it stands and whatever its values."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reading import good, read_bytes

REPEATED = [
    b'{"prompt":"A","prompt":"B","response":"R"}',
    b'{"prompt":"A","response":"R","prompt":"A"}',
    b'{"prompt":"A","response":"R","\\u0070rompt":"B"}',
    b'{"prompt" :"A","prompt"\t: "B","response":"R"}',
    b'{"prompt":"A","response":"R","meta":{"x":{"y":1,"y":2}}}',
    b'{"prompt":"A","response":"R","meta":[{"x":1},{"x":1,"x":1}]}',
    b'{"prompt":"say \\"x\\":1","response":"R","a":1,"a":2}',
    b'{"prompt":"A","response":"R","":1,"":2}',
]
DISTINCT = [
    b'{"prompt":"{\\"a\\":1,\\"a\\":2}","response":"R"}',
    b'{"prompt":"a\\\\","response":"\\\\\\":\\":"}',
    b'{"prompt":"A","response":"R","meta":[{"x":1},{"x":1}],"x":{"x":{"x":1}}}',
    b'{"prompt":"A","response":"R","Prompt":"B","prompt ":"C"}',
]


@pytest.mark.parametrize("line", REPEATED)
def test_a_repeated_key_is_quarantined(tmp_path: Path, line: bytes) -> None:
    assert read_bytes(tmp_path, b"\n".join([good(1), line, good(2)])).reasons == [None, "duplicate_key", None]
    array = b"[" + b",\n".join([good(1), line.replace(b",", b",\n"), good(2)]) + b"]"
    assert read_bytes(tmp_path, array, "rows.json").reasons == [None, "duplicate_key", None]


@pytest.mark.parametrize("line", DISTINCT)
def test_what_only_looks_repeated_is_read(tmp_path: Path, line: bytes) -> None:
    assert read_bytes(tmp_path, line).reasons == [None]
