"""Preference pairs of the desk: the answer it gives, and one that looks like an answer and is not.

The chosen answer is the right one. The rejected one is a wrong answer of the same form, or for letters the reply in a
language that the letter was not written in. Nothing is planted among them.
"""

from __future__ import annotations

from random import Random

from tilth.data.making.distinct import Distinct
from tilth.data.making.lexicon import LANGUAGES
from tilth.data.making.source_files import groups, json_line
from tilth.data.making.tasks import Row, make_row

PREFERENCES = "preferences.jsonl"
ROWS = {"polite": 240, "routing": 240, "extraction": 120, "formats": 120}
LANGUAGE_SHARE = {"en": 0.4, "de": 0.2, "fr": 0.2, "es": 0.2}


def pair_lines(draw: Random, distinct: Distinct) -> list[bytes]:
    """Return the lines of the source, in an order that mixes slices; prompts are as distinct as those of other rows."""
    pairs = [_pair(row, draw) for name, count in ROWS.items() for row in _rows(draw, name, count, distinct)]
    draw.shuffle(pairs)
    tickets = groups("p", len(pairs), draw)
    return [json_line({"ticket": ticket, **pair}) for ticket, pair in zip(tickets, pairs, strict=True)]


def _rows(draw: Random, name: str, count: int, distinct: Distinct) -> list[Row]:
    rows: list[Row] = []
    for lang in LANGUAGES:
        wanted = len(rows) + round(count * LANGUAGE_SHARE[lang])
        while len(rows) < wanted:
            row = make_row(draw, name, lang)
            if (row.wrong or row.foreign) and distinct.admit(row.prompt):
                rows.append(row)
    return rows


def _pair(row: Row, draw: Random) -> dict[str, str]:
    rejected = row.foreign or draw.choice(row.wrong)
    return {
        "slice": row.slice,
        "lang": row.lang,
        "prompt": row.prompt,
        "chosen": row.answer,
        "rejected": rejected,
    }
