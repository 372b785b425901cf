"""Fault class 9: mutated lines never crash the reader, and each is accounted for."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.reading import FULL, read_bytes

COUNT = 100_000 if FULL else 6_000
CHAT = {
    "messages": [
        {"role": "user", "content": 'say "hé" \u2028 {"a": [1, 2]}'},
        {"role": "assistant", "content": None, "tool_calls": [{"name": "f", "arguments": '{"x": 1}'}]},
        {"role": "tool", "content": "1", "tool_call_id": "c"},
        {"role": "assistant", "content": "done 😀", "reasoning_content": "because"},
    ],
    "tools": [{"name": "f"}],
    "id": 18446744073709551617,
    "score": -1.5e-7,
}
PIECES = [
    b"\x00",
    b"\xff",
    b"\xed\xa0\x80",
    b"\\ud800",
    b'"',
    b"\\",
    b"{",
    b"}",
    b"[",
    b"]",
    b":",
    b",",
    b"NaN",
]
PIECES += [
    b"null",
    b"1e999",
    b"\xe2\x80\xa8",
    b"\r",
    b"\xef\xbb\xbf",
    b'"role":"user",',
    b"[" * 70,
    b"9" * 25,
]


def mutate(line: bytes, chance: random.Random) -> bytes:
    data = bytearray(line)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(data) + 1)
        kind = chance.randrange(4)
        if kind == 0:
            data[at:at] = chance.choice(PIECES)
        elif kind == 1:
            del data[at : at + chance.randint(1, 12)]
        elif kind == 2 and at < len(data):
            data[at] = chance.randrange(256)
        else:
            start = chance.randrange(len(data) + 1)
            data[at:at] = data[start : start + chance.randint(1, 20)]
    return bytes(data).replace(b"\n", b" ")


@pytest.mark.parametrize("ascii_only", [True, False])
def test_mutated_lines_are_all_accounted_for(tmp_path: Path, ascii_only: bool) -> None:
    chance = random.Random(9)
    line = json.dumps(CHAT, ensure_ascii=ascii_only).encode()
    lines = [line if n % 10 == 0 else mutate(line, chance) for n in range(COUNT // 2)]
    reading = read_bytes(tmp_path, b"\n".join(lines) + b"\n")
    assert reading.file.lines == len(lines)
    assert all(reason is None for reason in reading.reasons[::10])
    quarantined = sum(reason is not None for reason in reading.reasons)
    assert len(lines) * 0.3 < quarantined < len(lines) * 0.9  # the mutations reach both sides
    assert len(set(reading.reasons)) > 8
