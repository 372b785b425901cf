"""Rows are read in the shapes their publishers use, as they mean them, and what nobody reads is counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.reading import Reading, read_bytes
from tilth.curation.reading.limits import Reason
from tilth.shards.errors import UsageError

CALL = {"name": "tide", "arguments": {"port": "Lund"}}
TOOL = {"name": "tide", "description": "when", "parameters": {"type": "object"}}
ASKS, SAYS = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}


def read(folder: Path, *rows: dict[str, Any], **source: Any) -> Reading:
    return read_bytes(folder, "\n".join(map(json.dumps, rows)).encode(), **source)


def said(reading: Reading) -> list[tuple[str, str]]:
    return [(t["role"], t.get("text") or t.get("tool_calls") or "") for t in reading.turn_dicts()]


CALLED = '[{"arguments":{"port":"Lund"},"id":null,"name":"tide"}]'


@pytest.mark.parametrize(
    ("row", "turns"),
    [
        ({"instruction": "Q", "output": "A", "history": [["q", "a"]]}, ["q", "a", "Q", "A"]),
        ({"query": "Q", "response": "A", "history": [["q", "a"]], "system": "S"}, ["S", "q", "a", "Q", "A"]),
        ({"system_prompt": "S", "question": "Q", "response": "A"}, ["S", "Q", "A"]),
        ({"question": "Q", "answer": 0}, ["Q", "0"]),
        ({"question": "Q", "answer": ["a", "b"]}, ["Q", "a\nb"]),
        ({"question": "Q", "answer": {"n": 1, "a": "x"}}, ["Q", '{"n": 1, "a": "x"}']),
        ({"question": "Q", "choices": ["x", "y"], "answer": 1}, ["Q\nA. x\nB. y", "B. y"]),
        (
            {"question": "Q", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "2"},
            ["Q\n1. x\n2. y", "2. y"],
        ),
        ({"prompt": "Q", "canonical_solution": "A", "test": "t"}, ["Q", "A"]),
        ({"problem": "Q", "answer": "4", "solution": "2+2=4"}, ["Q", "2+2=4"]),
        ({"text": "Q", "label": "good"}, ["Q", "good"]),
        ({"query": "Q", "answers": json.dumps([CALL]), "tools": json.dumps([TOOL])}, ["Q", CALLED]),
        (
            {"conversations": [{"from": "human", "value": "Q"}], "chosen": {"from": "gpt", "value": "A"},
             "rejected": {"from": "gpt", "value": "B"}},
            ["Q", "A", "B"],
        ),
        ({"messages": [ASKS, SAYS], "rejected_response": "B"}, ["Q", "A", "B"]),
        (
            {"input": {"messages": [ASKS]}, "preferred_output": [SAYS],
             "non_preferred_output": [{"role": "assistant", "content": "B"}]},
            ["Q", "A", "B"],
        ),
        (
            {"messages": [ASKS, {"role": "assistant", "tool_calls": [{"function": {"name": "tide", "parameters":
             {"port": "Lund"}}}]}, {"role": "tool", "content": "9"}, SAYS]},
            ["Q", CALLED, "9", "A"],
        ),
        (
            {"messages": [ASKS, {"role": "assistant", "content": [{"type": "text", "text": "Look."},
             {"type": "tool_use", "id": "t", "name": "tide", "input": {}}]}, {"role": "user", "content":
             [{"type": "tool_result", "tool_use_id": "t", "content": "9"}, {"type": "text", "text": "So?"}]},
             {"role": "assistant", "content": [{"type": "output_text", "text": "A"}]}]},
            ["Q", "Look.", "9", "So?", "A"],
        ),
        (
            {"messages": [ASKS, {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
             {"type": "function_call", "call_id": "c", **CALL}, {"type": "function_call_output",
             "call_id": "c", "output": "9"}, SAYS]},
            ["Q", CALLED.replace("null", '"c"'), "9", "A"],
        ),
    ],
)  # fmt: skip
def test_every_part_is_a_turn_of_its_own(tmp_path: Path, row: dict[str, Any], turns: list[str]) -> None:
    reading = read(tmp_path, row)
    assert reading.reasons == [None]
    assert [text for _, text in said(reading)] == turns
    assert not reading.file.intake.unread


def test_definitions_of_functions_are_tools(tmp_path: Path) -> None:
    reading = read(tmp_path, {"messages": [ASKS, SAYS], "functions": [TOOL]})
    assert json.loads(reading.rows["tools"][0]) == [{"type": "function", "function": TOOL}]


@pytest.mark.parametrize("key", ["weight", "loss", "train", "trainable"])
def test_an_answer_that_is_not_to_be_learned_is_only_read(tmp_path: Path, key: str) -> None:
    reading = read(tmp_path, {"messages": [ASKS, {**SAYS, key: 0}, ASKS, {**SAYS, key: 1}]})
    assert [turn.get("learned") for turn in reading.turn_dicts()] == [None, False, None, None]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"messages": [ASKS, {**SAYS, "weight": 0}]}, Reason.NOTHING_LEARNED),
        ({"messages": [ASKS, {**SAYS, "weight": 0.5}]}, Reason.UNCLEAR_LOSS),
        ({"messages": [ASKS, {**SAYS, "train_detail": [{"train": True}, {"train": False}]}]}, Reason.UNCLEAR_LOSS),
        ({"messages": [ASKS, SAYS], "images": ["a.png"]}, Reason.NOT_TEXT),
        ({"messages": [{**ASKS, "content": "<image>\nWhat is it?"}, SAYS]}, Reason.NOT_TEXT),
        ({"messages": [{**ASKS, "content": [{"type": "hologram"}]}, SAYS]}, Reason.UNKNOWN_PART),
        ({"messages": [ASKS, SAYS], "label": False}, Reason.BAD_ANSWER),
    ],
)  # fmt: skip
def test_what_changes_what_is_learned_is_refused_with_its_reason(
    tmp_path: Path, row: dict[str, Any], reason: Reason
) -> None:
    assert read(tmp_path, row).reasons == [reason]


def test_the_recipe_can_read_rows_without_their_pictures(tmp_path: Path) -> None:
    row = {"messages": [{**ASKS, "content": "<image>\nWhat is it?"}, SAYS], "images": ["a.png"]}
    reading = read(tmp_path, row, text_only=True)
    assert said(reading) == [("user", "What is it?"), ("assistant", "A")]
    assert reading.file.intake.unread == {"images": 1}


def test_speakers_can_be_named_and_neighbours_merged(tmp_path: Path) -> None:
    chat = [{"role": "customer", "content": text} for text in ("Hi", "Where?")]
    rows = {"messages": [*chat, SAYS]}
    assert read(tmp_path / "a", rows, {"messages": [ASKS, SAYS]}).reasons[0] == Reason.UNKNOWN_ROLE
    reading = read(tmp_path / "b", rows, roles={"customer": "user"}, neighbours="merge")
    assert said(reading) == [("user", "Hi\n\nWhere?"), ("assistant", "A")]
    assert reading.file.intake.notes == {"neighbours of one role merged": 1}


def test_what_nobody_reads_is_counted_by_its_path(tmp_path: Path) -> None:
    part = {"type": "text", "text": "Q", "cache_control": {"type": "ephemeral"}}
    row = {"messages": [{"role": "user", "content": [part], "toxic": False}, SAYS], "meta": {"a": 1}, "n": 1}
    reading = read(tmp_path, row, {"messages": [ASKS, SAYS], "meta": {}})
    assert reading.file.intake.unread == {
        "messages[].content[].cache_control": 1,
        "messages[].toxic": 1,
        "meta": 1,
    }


def test_another_reading_that_fits_is_named(tmp_path: Path) -> None:
    row = {"instruction": "Q", "output": "A", "text": "### Q ### A"}
    assert read(tmp_path, row).file.intake.others == ("document (text: text)",)


def test_messages_of_trees_are_refused(tmp_path: Path) -> None:
    row = {"message_id": "b", "parent_id": "a", "role": "assistant", "text": "A"}
    with pytest.raises(UsageError, match=r"messages of conversation trees.*\"messages\""):
        read(tmp_path, row)


def test_words_for_nothing_in_a_table_are_no_answers(tmp_path: Path) -> None:
    data = b"prompt,response\nQ1,nan\nQ2,None\nQ3,NULL\nQ4,no\n"
    reading = read_bytes(tmp_path, data, "a.csv")
    assert [texts[1] for texts in reading.texts()] == [None, None, None, "no"]


def test_a_whole_float_groups_as_the_integer_it_was(tmp_path: Path) -> None:
    rows = [{"prompt": f"Q{n}", "response": "A", "ticket": 1.0} for n in range(2)]
    assert read(tmp_path, *rows, group="ticket").rows["group"].to_list() == ["1", "1"]


def answered(text: str, **scores: Any) -> dict[str, Any]:
    return {"response": text, "model": "m", **scores}


@pytest.mark.parametrize(
    ("row", "pair"),
    [
        (
            {"instruction": "Q", "completions": [answered("x", overall_score=3), answered("y", overall_score=9),
             answered("z", overall_score=1.5)]},
            ["y", "z"],
        ),
        (
            # A ten that should have been a one, as UltraFeedback has them.
            {"instruction": "Q", "completions": [{**answered("x", overall_score=10), "fine-grained_score": 1.5},
             {**answered("y", overall_score=8), "fine-grained_score": 4.5}]},
            ["y", "x"],
        ),
        ({"prompt": "\n\nHuman: Q\n\nAssistant: ", "answers": [{"answer": "x", "rank": 2}, {"answer": "y",
         "rank": 1}]}, ["y", "x"]),
        ({"chosen": "\n\nHuman: Q\n\nAssistant: x", "rejected": "\n\nHuman: Q\n\nAssistant: y"}, ["x", "y"]),
    ],
)  # fmt: skip
def test_the_best_answer_stands_against_the_worst(
    tmp_path: Path, row: dict[str, Any], pair: list[str]
) -> None:
    reading = read(tmp_path, row)
    assert said(reading) == [("user", "Q"), ("chosen", pair[0]), ("rejected", pair[1])]
    assert reading.file.intake.notes


def test_answers_of_which_none_is_better_are_set_aside(tmp_path: Path) -> None:
    rows = [
        {"instruction": "Q", "completions": [answered("x", overall_score=s), answered("y", overall_score=5)]}
        for s in (5, 6)
    ]
    assert read(tmp_path, *rows).reasons == [Reason.TIED, None]


def test_a_label_of_true_or_false_says_which_answers_are_good(tmp_path: Path) -> None:
    rows = [{"prompt": "Q", "response": text, "label": text == "A"} for text in ("A", "B")]
    reading = read(tmp_path / "a", *rows)
    assert reading.reasons == [None, Reason.BAD_ANSWER]
    assert "what it calls bad is not learned" in reading.file.intake.reading
    assert reading.file.intake.others == ("instruction (prompt: prompt, response: response)",)
    assert read(tmp_path / "b", *rows, map={"prompt": "prompt", "response": "response"}).reasons == [None] * 2
    table = read_bytes(tmp_path / "c", b"question,answer,label\nQ,A,True\nQ,B,False\n", "a.csv")
    assert table.reasons == [None, Reason.BAD_ANSWER]


def test_a_number_beside_an_answer_is_no_verdict(tmp_path: Path) -> None:
    rows = [{"prompt": "Q", "response": text, "label": n} for n, text in enumerate("AB")]
    assert read(tmp_path, *rows).reasons == [None, None]
