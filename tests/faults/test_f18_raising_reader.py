"""Fault class 18, in the reader: a row on which our own code raises is quarantined; its neighbours stay."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.reading import read_bytes
from tilth.curation.reading.limits import ReadLimits
from tilth.curation.reading.rows import RowReader

CALL = {"role": "assistant", "content": None, "tool_calls": [{"name": "f", "arguments": "{}"}]}


@pytest.mark.parametrize("name", ["rows.jsonl", "rows.json"])
def test_a_row_that_raises_leaves_its_neighbours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, name: str
) -> None:
    read = RowReader.read

    def raising(self: RowReader, row: dict[str, Any]) -> Any:
        if row["id"] % 1000 == 500:
            raise KeyError(f"SECRET {row}")
        return read(self, row)

    monkeypatch.setattr(RowReader, "read", raising)
    lines = [
        json.dumps({"id": n, "messages": [{"role": "user", "content": f"Q{n}"}, CALL]}) for n in range(3000)
    ]
    text = "[" + ",".join(lines) + "]" if name.endswith(".json") else "\n".join(lines) + "\n"
    reading = read_bytes(tmp_path, text.encode(), name)
    assert [n for n, reason in enumerate(reading.reasons) if reason] == [500, 1500, 2500]
    assert set(reading.reasons) == {None, "reader_raised"}
    assert reading.rows.height == 2997
    assert "SECRET" not in caplog.text


def test_a_shortage_of_memory_is_no_fault_of_the_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(self: RowReader, row: dict[str, Any]) -> Any:
        raise MemoryError

    monkeypatch.setattr(RowReader, "read", short)
    with pytest.raises(MemoryError):
        read_bytes(tmp_path, b'{"prompt":"Q","response":["A"]}\n', limits=ReadLimits())
