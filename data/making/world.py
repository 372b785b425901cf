"""Makes the bundled sample: `python -m tilth.data.making.world` writes sources/, evals/ and the planted truth.

The world is frozen: counts, rates, wording and SEED are fixed before any result is written down. A change of
any of them is a new world: raise EDITION, make the base again, and write all published figures anew.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from tilth.data.making.defects import Placed, plant
from tilth.data.making.distinct import Distinct
from tilth.data.making.documents import documents
from tilth.data.making.lexicon import LANGUAGES
from tilth.data.making.preferences import PREFERENCES, pair_lines
from tilth.data.making.source_files import (
    CARDS,
    CONVERSATIONS,
    QUESTIONS,
    assign,
    card_file,
    compress,
    conversation,
    conversation_lines,
    join_lines,
    json_line,
    question_lines,
    spoil,
)
from tilth.data.making.tasks import Row, make_row

EDITION = 1
SEED = 20311
ROWS = {
    "routing": 1100,
    "lookup": 1000,
    "prices": 900,
    "extraction": 900,
    "formats": 900,
    "tool_call": 600,
    "chat": 400,
    "polite": 1050,
    "returns": 90,
}
LANGUAGE_SHARE = {"en": 0.4, "de": 0.2, "fr": 0.2, "es": 0.2}
HELD_OUT = {
    "routing": 40,
    "lookup": 40,
    "prices": 40,
    "extraction": 40,
    "formats": 40,
    "returns": 24,
    "tool_call": 40,
}
BASE_DOCUMENTS = 200
HERE = Path(__file__).resolve().parents[1]
TRUTH = HERE.parent / "tests" / "data" / "planted_truth.jsonl"


def rng(stream: str) -> Random:
    """Return the generator of one part of the world, independent of all other parts."""
    return Random(f"tilth world {EDITION}.{SEED} {stream}")


def held_out(distinct: Distinct) -> list[Row]:
    """Return the evaluation items; the sources will share no long span with them by accident."""
    draw = rng("evals")
    drawn = [row for name, count in HELD_OUT.items() for row in _rows(draw, name, count, Distinct())]
    items = [_until_call(row) if row.tools else row for row in drawn]
    for row in items:
        distinct.hold_out(row.prompt)
    return items


def clean_rows(distinct: Distinct) -> list[Row]:
    """Return the clean rows of all slices."""
    draw = rng("rows")
    return [row for name, count in ROWS.items() for row in _rows(draw, name, count, distinct)]


def _rows(draw: Random, name: str, count: int, distinct: Distinct) -> Iterator[Row]:
    """Draw rows until `count` of them are distinct, with fixed counts by language."""
    for lang in LANGUAGES:
        wanted = round(count * LANGUAGE_SHARE[lang])
        while wanted:
            row = make_row(draw, name, lang)
            if distinct.admit(row.prompt):
                wanted -= 1
                yield row


def build() -> dict[str, bytes]:
    """Return every generated file by its path under data/, and the planted truth as "truth"."""
    distinct = Distinct()
    items = held_out(distinct)
    placed = plant(clean_rows(distinct), items, rng("defects"))
    files = assign(placed, rng("files"))

    spoilt, truth_places, malformed = {}, {}, []
    for name, make in ((CONVERSATIONS, _conversation_file), (QUESTIONS, _question_file)):
        spoilt[name], places, kinds = make(files[name])
        truth_places[name] = places
        malformed += [_truth(name, line, "malformed", {"variant": k}) for line, k in kinds.items()]
    spoilt[CARDS] = card_file(files[CARDS], rng("tickets"))
    truth_places[CARDS] = list(range(1, len(files[CARDS]) + 1))

    where = {
        id(p): (name, line) for name in files for p, line in zip(files[name], truth_places[name], strict=True)
    }
    truth = [_planted(p, where) for name in files for p in files[name] if p.kind] + malformed
    truth.sort(key=lambda t: (t["source"], t["line"]))
    tasks = [row for row in items if not row.tools]
    calls = [row for row in items if row.tools]
    base = documents(rng("base knowledge"), BASE_DOCUMENTS)
    return {
        **{f"sources/{name}": data for name, data in spoilt.items()},
        f"sources/{PREFERENCES}": join_lines(pair_lines(rng("preferences"), distinct), cut_tail=False),
        "evals/desk_tasks.jsonl": _evals(tasks),
        "evals/tool_calls.jsonl": _evals(calls),
        "evals/base_knowledge.jsonl": join_lines([json_line({"text": t}) for t in base], cut_tail=False),
        "truth": join_lines([json_line(t) for t in truth], cut_tail=False),
    }


def _conversation_file(placed: Sequence[Placed]) -> tuple[bytes, list[int], dict[int, str]]:
    lines = conversation_lines(placed, rng("conversations"))
    mixed, kinds = spoil(lines, rng("conversations malformed"), cut_tail=True)
    return join_lines([line for _, line in mixed], cut_tail=True), *_numbered(mixed, kinds)


def _question_file(placed: Sequence[Placed]) -> tuple[bytes, list[int], dict[int, str]]:
    mixed, kinds = spoil(question_lines(placed), rng("questions malformed"), cut_tail=False)
    return compress(join_lines([line for _, line in mixed], cut_tail=False)), *_numbered(mixed, kinds)


def _numbered(
    mixed: Sequence[tuple[int | None, bytes]], kinds: dict[int, str]
) -> tuple[list[int], dict[int, str]]:
    """Return the line number of every row, and the kinds of the malformed lines by line number."""
    rows = [n for n, (i, _) in enumerate(mixed, 1) if i is not None]
    return rows, {place + 1: kind for place, kind in kinds.items()}


def _truth(source: str, line: int, kind: str, fields: dict[str, Any]) -> dict[str, Any]:
    return {"source": source, "line": line, "kind": kind, "fields": fields}


def _planted(placed: Placed, where: dict[int, tuple[str, int]]) -> dict[str, Any]:
    source, line = where[id(placed)]
    fields = {"slice": placed.row.slice, "lang": placed.row.lang, **placed.truth}
    if placed.of is not None:
        fields["of_source"], fields["of_line"] = where[id(placed.of)]
    return _truth(source, line, placed.kind or "", fields)


def _until_call(row: Row) -> Row:
    """Return a tool row that ends with the call."""
    return Row(row.slice, row.lang, row.turns[:2], tools=row.tools)


def _evals(rows: Sequence[Row]) -> bytes:
    """Return held-out items as conversations; the last turn is the reference."""
    return join_lines([json_line(conversation(_as_chat(row))) for row in rows], cut_tail=False)


def _as_chat(row: Row) -> Row:
    """Return a card as the conversation that curation reads it as."""
    if row.instruction is None:
        return row
    return Row(row.slice, row.lang, ({"role": "user", "content": row.prompt}, *row.turns[1:]))


def main() -> None:
    """Write the sample under data/ and the truth under tests/data/."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE, help="folder for sources/ and evals/")
    parser.add_argument("--truth", type=Path, default=TRUTH, help="file for the planted truth")
    arguments = parser.parse_args()
    files = build()
    for name, data in files.items():
        path = arguments.truth if name == "truth" else arguments.out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        print(f"{path}: {len(data):,} bytes, {data.count(10):,} lines")
    kinds = Counter(
        line.split(b'"kind":"')[1].split(b'"')[0].decode() for line in files["truth"].splitlines()
    )
    print("planted:", ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items())))


if __name__ == "__main__":
    main()
