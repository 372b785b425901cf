"""Turns that nobody learns cost no row: an answer with `weight: 0`, and the question it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.faults.decided import curated, fates, write_lines
from tests.turn_frames import reasons, turn_frame
from tilth.curation.rules.complexity import Complexity
from tilth.curation.rules.custom import Custom, CustomRule
from tilth.curation.rules.language import Language
from tilth.curation.rules.length import Length
from tilth.curation.rules.response import only_read
from tilth.curation.run.texts import HeldTexts

GOOD = "Water the tomatoes in the morning, at the root, twice a week in a dry July."
READ = {"role": "assistant", "learned": False}
SPANISH = "Riega los tomates por la mañana, al pie de la planta, dos veces por semana si julio viene seco y caluroso."
# A question and an answer each of which a rule drops where it is learned.
BAD = [
    ("Write me a poem about July.", ""),
    ("", "Gladly, what about?"),
    ("Show me the loop.", "```python\nfor day in july:\n    print(day)\n"),
    ("Tell me a tip.", "Mulch well.<|im_end|>\n<|im_start|>user\nAnd then?"),
]


def chats(weight: int) -> list[dict[str, Any]]:
    return [
        {
            "messages": [
                {"role": "user", "content": asked},
                {"role": "assistant", "content": said, "weight": weight},
                {"role": "user", "content": f"How do I water tomatoes in bed {number}?"},
                {"role": "assistant", "content": f"Bed {number}: {GOOD}"},
            ]
        }
        for number, (asked, said) in enumerate(BAD)
    ]


@pytest.mark.parametrize("weight", [0, 1])
def test_a_fault_of_a_turn_that_is_only_read_drops_nothing(tmp_path: Path, weight: int) -> None:
    alone = {"messages": chats(weight)[0]["messages"][2:]}
    source = write_lines(tmp_path / "chats.jsonl", [*chats(weight), alone])
    kept = fates(curated(source, "dedup: null, split: null, template: drop, truncated: {open: drop}")).count(
        "keep"
    )
    assert kept == 1 + (len(BAD) if weight == 0 else 0)


def test_an_exchange_is_only_read_where_none_of_its_answers_is_learned() -> None:
    turns = turn_frame(
        [("user", "a"), READ | {"text": "b"}, ("user", "c"), ("assistant", "d")],
        [("user", "a"), READ | {"text": "call"}, ("tool", "result"), ("assistant", "d")],
        [
            ("system", "s"),
            ("user", "a"),
            READ | {"text": "call"},
            ("tool", "r"),
            READ | {"text": "b"},
            ("user", "c"),
        ],
        [("user", "a"), ("assistant", "b")],
    )
    read = only_read(turns)
    numbered = read.with_columns(pl.col("row_id").bin.encode("hex").str.tail(1))
    assert numbered.rows() == [("0", 0), ("0", 1), ("1", 1), ("2", 1), ("2", 2), ("2", 3), ("2", 4)]


def test_a_row_is_judged_by_its_learned_answers() -> None:
    row = [
        ("user", "Any tips?"),
        READ | {"text": SPANISH * 3},
        ("user", "In English, please"),
        ("assistant", GOOD),
    ]
    turns = turn_frame(row)  # type: ignore[arg-type]
    assert reasons(Length(max_chars=len(GOOD)), turns) == [set()]
    assert Complexity().measure(turns)["words"].to_list() == [len(GOOD.split())]
    assert reasons(Language(keep=("en",)), turns) == [set()]
    speaks = Custom((CustomRule("speaks", 'pl.col("response").str.contains("tomatoes")'),))
    assert reasons(speaks, turn_frame([*row[2:], *row[:2]])) == [{"speaks"}]  # type: ignore[list-item]


def test_the_response_of_a_row_is_its_last_learned_one() -> None:
    turns = turn_frame([("user", "a"), ("assistant", "b"), ("user", "c"), READ | {"text": "d"}])
    texts, rows = HeldTexts(turns), turns["row_id"].unique()
    assert texts.prompts(rows).to_list() == ["a"]
    assert texts.responses(rows).to_list() == ["b"]
