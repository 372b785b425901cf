"""The compiled reader of lines gives the tables that reading each line by itself gives, whatever the lines."""

from __future__ import annotations

import ctypes
import json
import mmap
import random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.faults.test_f09_fuzzed_lines import PIECES, mutate
from tests.faults.test_f10_hostile_lines import HOSTILE, LEGAL
from tests.faults.test_f16_duplicate_keys import DISTINCT, REPEATED
from tilth.curation.reading.batch import Tables
from tilth.curation.reading.compiled.wide_kernel import WIDTH
from tilth.curation.reading.formats.jsonl import parse_line
from tilth.curation.reading.limits import ReadLimits, Reason
from tilth.curation.reading.line_batches import line_batches
from tilth.curation.reading.lines import Tail, blocks
from tilth.curation.reading.lines import lines as split_lines
from tilth.curation.reading.plain_rows import PlainRows, plan
from tilth.curation.reading.rows import RowReader, batches
from tilth.curation.reading.source import Source

CHAT = {"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}
ALPACA = {
    "instruction": "Q",
    "input": "I",
    "output": "A",
    "system": "S",
    "n": 1,
    "thread": "t",
    "terms": "MIT",
}
PAIR = {"prompt": "Q", "response": "A", "score": 0.5, "text": "T"}
DOCUMENT = {"text": "D", "url": "u"}
SAMPLES: list[dict[str, Any]] = [CHAT, ALPACA, PAIR, DOCUMENT]
OPTIONS: list[dict[str, Any]] = [
    {},
    {"group": "thread"},
    {"licence": "terms"},
    {"licence": "MIT"},
    {"attributes": ["n", "meta"]},
    {"attributes": ["score", "prompt"]},
    {"attributes": []},
    {"map": {"prompt": "output", "response": "instruction"}},
    {"map": {"prompt": "a b", "response": "é"}},
    {"format": "document", "map": {"text": "output"}},
]


def slow(data: bytes, rows: RowReader | None, limits: ReadLimits, batch_rows: int) -> list[Tables]:
    """Read every line by itself."""
    records = (
        line if isinstance(line, Reason) else parse_line(line, limits, is_tail=isinstance(line, Tail))
        for line in split_lines([data], limits.max_line_bytes)
    )
    return list(batches(records, rows, batch_rows))


def fast(
    data: bytes, rows: RowReader | None, limits: ReadLimits, batch_rows: int, chunk: int = 1 << 18
) -> list[Tables]:
    """Read through the kernel; its tables share memory, so they are copied before it goes on."""
    pieces = (data[start : start + chunk] for start in range(0, len(data), chunk))
    copied = []
    for tables in line_batches(pieces, rows, limits, batch_rows):
        frames = (
            pl.DataFrame(frame.to_dicts(), frame.schema)
            for frame in (tables.lines, tables.rows, tables.turns)
        )
        copied.append(Tables(*frames))
    return copied


def assert_same(
    lines: list[bytes],
    sample: dict[str, Any],
    limits: ReadLimits | None = None,
    batch_rows: int = 20_000,
    chunk: int = 1 << 18,
    newline: bool = True,
    **source: Any,
) -> None:
    limits = limits or ReadLimits()
    data = b"\n".join(lines) + b"\n" * newline
    rows, same = (
        RowReader(Source(path="rows.jsonl", **source), [sample], limits, "rows.jsonl") for _ in range(2)
    )
    theirs, ours = slow(data, rows, limits, batch_rows), fast(data, same, limits, batch_rows, chunk)
    assert rows.trail.unread == same.trail.unread
    assert rows.trail.notes == same.trail.notes
    assert len(theirs) == len(ours)
    for a, b in zip(theirs, ours, strict=True):
        for name in ("lines", "rows", "turns"):
            frame, other = getattr(a, name), getattr(b, name)
            assert frame.schema == other.schema
            assert frame.equals(other), (name, frame.rows(), other.rows())


def refused(lines: list[bytes], sample: dict[str, Any], **source: Any) -> list[int]:
    """Return which lines the kernel leaves to be read by themselves."""
    limits = ReadLimits()
    rows = RowReader(Source(path="rows.jsonl", **source), [sample], limits, "rows.jsonl")
    block = b"\n".join(lines) + b"\n"
    return [line for line, _, _ in PlainRows(plan(rows, limits), limits, 20_000).read(block, 0)[1]]


TEXT = st.text(max_size=12) | st.text(st.sampled_from('\\"/\n\t\r\b\x00\x1f\x7fé\u2028😀a '), max_size=12)
NUMBER = st.integers() | st.integers(-9, 9) | st.floats() | st.floats(-100, 100).map(lambda x: round(x, 3))
SCALAR = TEXT | NUMBER | st.none() | st.booleans()
VALUE = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6
)
ROLE = st.sampled_from(
    ["user", "assistant", "system", "human", "gpt", "developer", "tool", "User", "bot", "x", ""]
)
MESSAGE = st.one_of(
    st.builds(lambda r, t: {"role": r, "content": t}, ROLE, TEXT | st.none() | VALUE),
    st.builds(lambda r, t: {"value": t, "from": r}, ROLE, TEXT),
    st.builds(
        lambda r, t, k, v: {"role": r, k: v, "content": t},
        ROLE,
        TEXT,
        st.sampled_from(["name", "weight", "tool_calls", "thinking", "from", "text", "role", "é"]),
        VALUE,
    ),
    st.dictionaries(
        st.sampled_from(["role", "content", "from", "value", "text", "speaker"]), TEXT, max_size=3
    ),
)
COLUMNS = [
    "prompt",
    "response",
    "instruction",
    "input",
    "output",
    "system",
    "context",
    "tools",
    "text",
    "url",
]
COLUMNS += ["n", "meta", "score", "thread", "terms", "é", "a b", 'q"', "zz", ""]
ROW = st.one_of(
    st.builds(
        lambda m, extra: {**extra, "messages": m},
        st.lists(MESSAGE, max_size=4) | VALUE,
        st.dictionaries(st.sampled_from(COLUMNS), VALUE, max_size=3),
    ),
    st.builds(
        lambda sample, extra: {**sample, **extra},
        st.sampled_from(SAMPLES),
        st.dictionaries(st.sampled_from(COLUMNS), TEXT | VALUE, max_size=4),
    ),
    st.dictionaries(st.sampled_from(COLUMNS), TEXT, max_size=8),
)


def written(row: dict[str, Any], ascii_only: bool, spaced: bool, order: int) -> bytes:
    items = list(row.items())
    random.Random(order).shuffle(items)
    text = json.dumps(
        dict(items), ensure_ascii=ascii_only, separators=(" ,\t", " : ") if spaced else (",", ":")
    )
    return text.encode("utf-8", "surrogatepass")


LINE = st.one_of(
    st.builds(written, ROW, st.booleans(), st.booleans(), st.integers(0, 9)),
    st.sampled_from([line for line, _ in HOSTILE] + LEGAL + REPEATED + DISTINCT),
    st.builds(
        lambda row, seed: mutate(written(row, bool(seed % 2), False, seed), random.Random(seed)),
        ROW,
        st.integers(0, 1 << 30),
    ),
).map(lambda line: line.replace(b"\n", b" "))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(LINE, min_size=1, max_size=10),
    st.sampled_from(SAMPLES),
    st.sampled_from(OPTIONS),
    st.sampled_from(
        [ReadLimits(), ReadLimits(max_line_bytes=90, max_depth=4, max_turns=2), ReadLimits(max_depth=2)]
    ),
    st.sampled_from([1, 3, 20_000]),
    st.sampled_from([7, 60, 1 << 18]),
    st.booleans(),
)
def test_any_lines_in_any_mix(
    lines: list[bytes],
    sample: dict[str, Any],
    options: dict[str, Any],
    limits: ReadLimits,
    batch_rows: int,
    chunk: int,
    newline: bool,
) -> None:
    everything = {**CHAT, **ALPACA, **PAIR, **DOCUMENT, "a b": "Q", "é": "A"}
    sample = everything if options.keys() & {"group", "map"} else sample
    assert_same(lines, sample, limits, batch_rows, chunk, newline, **options)


@pytest.mark.parametrize("sample", SAMPLES)
def test_mutated_lines(sample: dict[str, Any]) -> None:
    chance = random.Random(11)
    row = {**sample, "meta": {"a": [1, {"b": None}], "e": 'x"\\\u2028'}, "score": -0.25, "ok": True}
    long = json.dumps('say "hé" \u2028 {"a": [1, 2]} 😀\n' * 12, ensure_ascii=False)
    line = json.dumps(row, ensure_ascii=False).replace('"A"', long).replace('"D"', long).encode()
    lines = [mutate(line, chance) for _ in range(4000)]
    assert_same(lines, row)
    assert 500 < len(refused(lines, row)) < 3800


PLAIN = [
    (CHAT, json.dumps(CHAT).encode()),
    (
        CHAT,
        b'{"messages":[{"from":"human","value":"\\u00e9\\n\\/"},{"weight":null,"value":"A","from":"gpt"}]}',
    ),
    (CHAT, b' {"messages" : [ {"role":"user","content":"Q","name":null} ] , "tools":null,"id":7}\r'),
    (
        {**ALPACA, "meta": {"a": 1}},
        b'{"instruction":"Q","input":"","output":"A","score":0.25,"meta":{"a":[1,{}],"b":[]}}',
    ),
    (
        {"messages": [{"role": "user", "content": "Q", "at": 1, "tags": ["a"]}], "meta": [1]},
        b'{"messages":[{"role":"user","content":"Q","at":7,"tags":[],"x":""}],"meta":[{}],"more":[],"n":{}}',
    ),
    (CHAT, b'{"messages":[{"role":"user","content":"What does <image> do, <b>really</b>?"}],"image":null}'),
    (ALPACA, b'{"instruction":"","input":"I","output":"","system":"S","lang":"\\ud83d\\ude00"}'),
    (PAIR, '{"response":"A","prompt":"\x7f\u2028😀","é":"ü","ok":true,"x":-12}'.encode()),
    (DOCUMENT, b'{"text":"\\u0000\\u001f","score":0.12345678901234567}'),
]


@pytest.mark.parametrize(("sample", "line"), PLAIN)
def test_common_lines_are_plain(sample: dict[str, Any], line: bytes) -> None:
    assert refused([line], sample) == []
    assert_same([line], sample)


@pytest.mark.parametrize("line", [line for line, _ in HOSTILE])
def test_hostile_lines_are_left_to_the_parser_that_names_the_fault(line: bytes) -> None:
    short = ReadLimits(max_line_bytes=4096)
    assert refused([line], PAIR) == [0] or len(line) > short.max_line_bytes
    assert_same([line], PAIR, short)


def test_a_row_that_repeats_stands_once_whichever_way_it_was_read() -> None:
    plain, odd = b'{"prompt":"Q","response":"A","n":1}', b'{"prompt":"Q","response":"A","\\u006e":2}'
    assert refused([plain, odd], PAIR) == [1]
    for lines in ([plain, odd, plain], [odd, plain], [odd, odd, b"", plain], [plain, plain]):
        assert_same(lines, PAIR)


def test_floats_are_written_as_the_parser_writes_them() -> None:
    chance = random.Random(4)
    texts = [
        "0.0",
        "-0.0",
        "1.0",
        "1.50",
        "0.1",
        "0.00010",
        "0.0001",
        "0.00001",
        "0.000123",
        "-0.05",
        "123456.789012345",
    ]
    texts += [
        f"{chance.uniform(-10, 10) * 10 ** chance.randint(-6, 12):.{chance.randint(1, 18)}f}"
        for _ in range(3000)
    ]
    assert_same(
        [b'{"prompt":"%d","response":"A","x":%s}' % (n, text.encode()) for n, text in enumerate(texts)], PAIR
    )


def test_a_block_ends_with_a_line_and_no_line_is_held_beyond_its_bound() -> None:
    data = b"ab\n\nabcd\nabc\n" + b"x" * 9 + b"\nab"
    pieces = [data[start : start + 2] for start in range(0, len(data), 2)]
    found = list(blocks(pieces, 3))
    assert (
        b"".join(b"-\n" if isinstance(block, Reason) else block for block in found) == b"ab\n\n-\nabc\n-\nab"
    )
    assert all(block.endswith(b"\n") for block in found[:-1] if not isinstance(block, Reason))


def test_long_conversations_and_many_columns_are_the_same() -> None:
    turns = [{"role": "user" if n % 2 else "assistant", "content": str(n)} for n in range(5000)]
    wide = {"prompt": "Q", "response": "A"} | {f"column {n % 97:03} {n}": n for n in range(300)}
    few = dict(list(wide.items())[:70])
    assert_same([json.dumps({"messages": turns[:n]}).encode() for n in (1, 4095, 4096, 4097, 5000)], CHAT)
    assert_same([json.dumps(row).encode() for row in (wide, few, dict(list(wide.items())[:40]))], PAIR)


# What may stand among plain letters, and whether a line with it is plain.
SPECIAL = [(b"\\n", True), (b"\\u00e9", True), (b"\\/", True), (b'\\"', True), ("é".encode(), True)]
SPECIAL += [("한글".encode(), True), ("😀".encode(), True), (b"\x7f", True), (b"", True), (b"\\", False)]
SPECIAL += [(b'"', False), (b"\x1f", False), (b"\xc3", False), (b"\xed\xa0\x80", False), (b"\\u12x", False)]


@pytest.mark.parametrize(("piece", "plain"), SPECIAL)
def test_whatever_stands_among_many_plain_letters_is_seen(piece: bytes, plain: bool) -> None:
    """However a string lies to the bytes that are looked at together, and to the end of the data."""
    letters = bytes(97 + n % 26 for n in range(3 * WIDTH))
    for after in (0, 1, WIDTH - 1, WIDTH, 2 * WIDTH):
        lines = [
            b'{"prompt":"%s%s%sQ","response":"A"}' % (letters[:before], piece, letters[:after])
            for before in range(2 * WIDTH + 1)
        ]
        assert_same(lines, PAIR)
        assert refused(lines, PAIR) == ([] if plain else list(range(len(lines))))
        for line in lines[:: WIDTH // 2 - 1]:
            assert_same([line], PAIR, newline=False)


@pytest.mark.parametrize("text", ["a" * 70, "a\\n" * 40, "é" * 40, ""])
def test_nothing_is_read_beyond_the_end_of_a_block(text: str) -> None:
    """The page after the block cannot be read: whoever reads there kills this process."""
    rows = RowReader(Source(path="rows.jsonl"), [PAIR], ReadLimits(), "rows.jsonl")
    reader = PlainRows(plan(rows, ReadLimits()), ReadLimits(), 100)
    with mmap.mmap(-1, 2 * mmap.PAGESIZE) as pages:
        address = ctypes.addressof(ctypes.c_char.from_buffer(pages))
        libc = ctypes.CDLL(None)
        after = ctypes.c_void_p(address + mmap.PAGESIZE)
        assert libc.mprotect(after, ctypes.c_size_t(mmap.PAGESIZE), 0) == 0
        for n in range(len(text) + 1):
            line = b'{"response":"A","prompt":"%s"}\n' % text[:n].removesuffix("\\").encode()
            pages[mmap.PAGESIZE - len(line) : mmap.PAGESIZE] = line
            block = memoryview(pages)[mmap.PAGESIZE - len(line) : mmap.PAGESIZE].toreadonly()
            assert reader.read(block, 0) == (len(line), [])
            reader.clear()
            del block


def test_every_piece_of_a_hostile_line_in_every_place() -> None:
    line = b'{"prompt":"Q\\n","response":"A","meta":{"a":[1,2.5]},"n":12}'
    assert_same([line[:at] + piece + line[at:] for piece in PIECES for at in range(len(line))], PAIR)
    assert_same([line[:at] + line[at + 1 :] for at in range(len(line))], PAIR)
    assert_same([line[:at] for at in range(len(line))], PAIR)
    assert_same(
        [
            line[:at] + bytes([byte]) + line[at + 1 :]
            for byte in range(256)
            if byte != 10
            for at in range(len(line))
        ],
        PAIR,
    )
