"""The three source files: conversations, task cards and questions, with the lines that no reader can read.

Line numbers in the truth count from 1; for the CSV file they count records after the header.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from random import Random
from typing import Any

import zstandard

from tilth.data.making.defects import Placed
from tilth.data.making.tasks import Row

CONVERSATIONS, CARDS, QUESTIONS = "conversations.jsonl", "task_cards.csv", "questions.jsonl.zst"
CARD_COLUMNS = ("instruction", "input", "output", "slice", "lang", "ticket")
SAME_CONVERSATION = 0.15  # share of rows that go on in the conversation or ticket of the row before
MALFORMED_EACH = 3  # lines of every kind in each JSONL file; one more is the cut tail


def assign(placed: Sequence[Placed], rng: Random) -> dict[str, list[Placed]]:
    """Choose a file for every row by its form; a third of the bare questions stand among conversations."""
    files: dict[str, list[Placed]] = {CONVERSATIONS: [], CARDS: [], QUESTIONS: []}
    for p in placed:
        bare = len(p.row.turns) == 2 and p.row.slice != "polite" and not p.row.tools
        if p.row.instruction is not None:
            files[CARDS].append(p)
        elif not bare or rng.random() < 1 / 3:
            files[CONVERSATIONS].append(p)
        else:
            files[QUESTIONS].append(p)
    return files


def groups(prefix: str, count: int, rng: Random) -> list[str]:
    """Return conversation ids in file order; some rows share the id of the row before."""
    ids, current = [], 0
    for _ in range(count):
        current += rng.random() >= SAME_CONVERSATION
        ids.append(f"{prefix}{current:05}")
    return ids


def conversation(row: Row, group: str | None = None) -> dict[str, Any]:
    """Return a row as OpenAI messages with its attributes."""
    head = {"conversation": group} if group else {}
    tools = {"tools": list(row.tools)} if row.tools else {}
    return {**head, "slice": row.slice, "lang": row.lang, "messages": list(row.turns), **tools}


def json_line(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def conversation_lines(placed: Sequence[Placed], rng: Random) -> list[bytes]:
    ids = groups("c", len(placed), rng)
    return [json_line(conversation(p.row, group)) for p, group in zip(placed, ids)]


def question_lines(placed: Sequence[Placed]) -> list[bytes]:
    return [
        json_line(
            {
                "question": p.row.turns[0]["content"],
                "answer": p.row.answer,
                "slice": p.row.slice,
                "lang": p.row.lang,
            }
        )
        for p in placed
    ]


def card_file(placed: Sequence[Placed], rng: Random) -> bytes:
    """Return the CSV file; no field of it holds a newline."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(CARD_COLUMNS)
    for p, ticket in zip(placed, groups("t", len(placed), rng)):
        row = p.row
        writer.writerow((row.instruction, row.turns[0]["content"], row.answer, row.slice, row.lang, ticket))
    return out.getvalue().encode()


def spoil(
    lines: Sequence[bytes], rng: Random, *, cut_tail: bool
) -> tuple[list[tuple[int | None, bytes]], dict[int, str]]:
    """Put malformed lines among `lines`.

    Returns every line with the index of the row it holds (None for a malformed one), and the kind of each
    malformed line by its place, counted from 0.
    """
    broken: list[tuple[str, bytes]] = []
    for kind in ("bad_json", "bad_utf8", "duplicate_key", "wrong_type", "blank"):
        broken += [(kind, _malformed(kind, line)) for line in rng.sample(lines, MALFORMED_EACH)]
    places = rng.sample(range(1, len(lines)), len(broken))
    by_place = dict(zip(places, broken))
    mixed: list[tuple[int | None, bytes]] = []
    kinds: dict[int, str] = {}
    for i, line in enumerate(lines):
        if i in by_place:
            kind, spoilt = by_place[i]
            kinds[len(mixed)] = kind
            mixed.append((None, spoilt))
        mixed.append((i, line))
    if cut_tail:
        kinds[len(mixed)] = "cut_tail"
        mixed.append((None, lines[0][: len(lines[0]) // 2]))
    return mixed, kinds


def _malformed(kind: str, line: bytes) -> bytes:
    record = json.loads(line)
    first = next(iter(record))
    if kind == "bad_json":
        return line.replace(b'":', b'"', 1)
    if kind == "bad_utf8":
        return line.replace(b'"lang":"', b'"lang":"\xff\xfe', 1)
    if kind == "duplicate_key":
        return line[:-1] + b',"' + first.encode() + b'":"again"}'
    if kind == "wrong_type":
        text = "messages" if "messages" in record else "question"
        return json_line({**record, text: 7})
    return b""


def join_lines(lines: Sequence[bytes], *, cut_tail: bool) -> bytes:
    """End every line with a newline, except a cut last one."""
    return b"\n".join(lines) + (b"" if cut_tail else b"\n")


def compress(data: bytes) -> bytes:
    """Return a zstandard frame with a checksum."""
    return zstandard.ZstdCompressor(level=19, write_checksum=True).compress(data)
