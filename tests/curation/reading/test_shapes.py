"""Shapes are recognised or mapped, and every part ends up in the turn it belongs to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.reading import Reading, read_bytes
from tilth.curation.reading.limits import Reason
from tilth.curation.reading.read import ReadLimits
from tilth.shards.errors import UsageError
from tilth.shards.tables import Shape


def read_row(folder: Path, row: dict[str, Any], **source: Any) -> Reading:
    return read_bytes(folder, json.dumps(row).encode() + b"\n", **source)


def turns_of(folder: Path, row: dict[str, Any], **source: Any) -> list[tuple[str, str | None]]:
    reading = read_row(folder, row, **source)
    assert reading.reasons == [None]
    return [(turn["role"], turn.get("text")) for turn in reading.turn_dicts()]


QA = [("user", "Q"), ("assistant", "A")]
LONG_QA = [("user", "C\n\nQ"), ("assistant", "A")]
CHAT = [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]


@pytest.mark.parametrize(
    ("row", "shape", "turns"),
    [
        ({"messages": CHAT}, "chat", QA),
        ({"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}, "chat", QA),
        (
            {"utterances": [{"speaker": "USER", "text": "Q"}, {"speaker": "assistant", "text": "A"}]},
            "chat",
            QA,
        ),
        ({"system": "S", "messages": CHAT}, "chat", [("system", "S"), *QA]),
        ({"instruction": "Q", "input": "", "output": "A"}, "instruction", QA),
        ({"instruction": "Q", "input": None, "output": "A"}, "instruction", QA),
        ({"instruction": "Q", "input": "I", "response": "A"}, "instruction", [("user", "Q\n\nI"), QA[1]]),
        ({"instruction": "Q", "context": "C", "response": "A"}, "instruction", [("user", "Q\n\nC"), QA[1]]),
        ({"prompt": "Q", "response": "A"}, "instruction", QA),
        ({"prompt": "Q", "completion": "A"}, "instruction", QA),
        ({"prompt": [CHAT[0]], "completion": [CHAT[1]]}, "instruction", QA),
        ({"input": "Q", "output": "A"}, "instruction", QA),
        ({"question": "Q", "answer": "A"}, "instruction", QA),
        ({"text": "Q", "answer": "A"}, "instruction", QA),
        ({"context": "C", "question": "Q", "answers": ["A", "B"]}, "instruction", LONG_QA),
        (
            {"context": "C", "question": "Q", "answers": {"text": ["A"], "answer_start": [3]}},
            "instruction",
            LONG_QA,
        ),
        ({"context": "C", "question": "Q", "answers": [{"text": "A"}]}, "instruction", LONG_QA),
        (
            {"context": "C", "question": "Q", "answers": {"text": []}},
            "instruction",
            [LONG_QA[0], ("assistant", "")],
        ),
        ({"text": "D", "title": "T"}, "document", [("document", "D")]),
        ({"content": "D"}, "document", [("document", "D")]),
        (
            {"prompt": "Q", "chosen": "A", "rejected": "B"},
            "preference",
            [("user", "Q"), ("chosen", "A"), ("rejected", "B")],
        ),
        (
            {"prompt": "Q", "chosen": CHAT, "rejected": [CHAT[0], {"role": "assistant", "content": "B"}]},
            "preference",
            [("user", "Q"), ("chosen", "A"), ("rejected", "B")],
        ),
        (
            {"prompt": [CHAT[0]], "chosen": [CHAT[1]], "rejected": [{"role": "assistant", "content": "B"}]},
            "preference",
            [("user", "Q"), ("chosen", "A"), ("rejected", "B")],
        ),
    ],
)
def test_recognised(tmp_path: Path, row: dict[str, Any], shape: str, turns: list[tuple[str, str]]) -> None:
    reading = read_row(tmp_path, row)
    assert reading.reasons == [None]
    assert reading.rows["shape"].to_list() == [shape]
    assert [(turn["role"], turn.get("text")) for turn in reading.turn_dicts()] == turns
    assert reading.turns["turn"].to_list() == list(range(len(turns)))


def test_openai_tools_calls_and_reasoning_are_kept(tmp_path: Path) -> None:
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    call = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"b": 2, "a": 1}'}}
    messages = [
        {"role": "developer", "content": "Be brief."},
        {
            "role": "user",
            "content": [{"type": "text", "text": "1+"}, {"type": "text", "text": "2?"}],
            "name": "Ann",
        },
        {"role": "assistant", "content": None, "reasoning_content": "I add.", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "3"},
        {"role": "assistant", "content": "3"},
    ]
    reading = read_row(tmp_path, {"messages": messages, "tools": [tool]})
    assert reading.turn_dicts() == [
        {"role": "developer", "text": "Be brief."},
        {"role": "user", "text": "1+2?", "name": "Ann"},
        {
            "role": "assistant",
            "reasoning": "I add.",
            "tool_calls": '[{"arguments":{"a":1,"b":2},"id":"c1","name":"add"}]',
        },
        {"role": "tool", "text": "3", "tool_call_id": "c1"},
        {"role": "assistant", "text": "3"},
    ]
    assert json.loads(reading.rows["tools"][0]) == [tool]


def test_sharegpt_tool_turns_and_tools_as_a_string(tmp_path: Path) -> None:
    said = [
        {"from": "human", "value": "1+2?"},
        {
            "from": "function_call",
            "value": '{"name": "add", "arguments": {"a": 12345678901234567890123, "b": 2}}',
        },
        {"from": "observation", "value": "3"},
        {"from": "gpt", "value": "3"},
    ]
    reading = read_row(tmp_path, {"conversations": said, "tools": '[{"name": "add"}]'})
    assert [turn["role"] for turn in reading.turn_dicts()] == ["user", "assistant", "tool", "assistant"]
    calls = json.loads(reading.turn_dicts()[1]["tool_calls"])
    assert calls == [{"id": None, "name": "add", "arguments": {"a": 12345678901234567890123, "b": 2}}]
    assert reading.rows["tools"].to_list() == ['[{"name":"add"}]']


def test_arguments_that_are_no_object_stay_as_written(tmp_path: Path) -> None:
    call = {"name": "add", "arguments": '{"a": 1, "a": 2}'}
    messages = [CHAT[0], {"role": "assistant", "tool_calls": [call]}]
    reading = read_row(tmp_path, {"messages": messages})
    assert json.loads(reading.turn_dicts()[1]["tool_calls"])[0]["arguments"] == call["arguments"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({}, Reason.MISSING_FIELD),
        ({"messages": None}, Reason.WRONG_TYPE),
        ({"messages": "hello"}, Reason.WRONG_TYPE),
        ({"messages": []}, Reason.NO_TURNS),
        ({"messages": ["hello"]}, Reason.WRONG_TYPE),
        ({"messages": [{"content": "Q"}]}, Reason.MISSING_FIELD),
        ({"messages": [{"role": "user"}]}, Reason.MISSING_FIELD),
        ({"messages": [{"role": "user", "content": 5}]}, Reason.WRONG_TYPE),
        ({"messages": [{"role": 5, "content": "Q"}]}, Reason.WRONG_TYPE),
        ({"messages": [{"role": "narrator", "content": "Q"}]}, Reason.UNKNOWN_ROLE),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, Reason.NOT_TEXT),
        (
            {"messages": [{"role": "assistant", "content": None, "tool_calls": [{}]}]},
            Reason.INVALID_TOOL_CALL,
        ),
        ({"messages": [{"from": "function_call", "value": "add(1)"}]}, Reason.INVALID_TOOL_CALL),
        ({"messages": CHAT, "tools": "a hammer"}, Reason.INVALID_JSON),
        ({"messages": CHAT, "tools": {"name": "add"}}, Reason.WRONG_TYPE),
        ({"messages": CHAT * 3}, Reason.TOO_MANY_TURNS),
    ],
)
def test_an_unreadable_chat_row_is_quarantined_and_its_neighbours_stay(
    tmp_path: Path, row: dict[str, Any], reason: Reason
) -> None:
    lines = [json.dumps({"messages": CHAT}), json.dumps(row), json.dumps({"messages": CHAT[:1]})]
    reading = read_bytes(tmp_path, "\n".join(lines).encode(), limits=ReadLimits(max_turns=4))
    assert reading.reasons == [None, reason, None]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"prompt": "Q"}, Reason.MISSING_FIELD),
        ({"response": "A"}, Reason.MISSING_FIELD),
        ({"prompt": {"a": 1}, "response": "A"}, Reason.WRONG_TYPE),
        ({"prompt": 0, "response": "A"}, Reason.WRONG_TYPE),
        ({"prompt": "Q", "input": [7], "response": "A"}, Reason.WRONG_TYPE),
        ({"prompt": "Q", "response": float("inf")}, Reason.NON_FINITE),
    ],
)
def test_an_unreadable_instruction_row_is_quarantined(
    tmp_path: Path, row: dict[str, Any], reason: Reason
) -> None:
    reading = read_bytes(tmp_path, b'{"prompt":"Q","response":"A"}\n' + json.dumps(row).encode())
    assert reading.reasons == [None, reason]


@pytest.mark.parametrize("empty", [None, ""])
def test_an_empty_answer_is_a_row_for_the_empty_rule_to_judge(tmp_path: Path, empty: str | None) -> None:
    lines = b'{"prompt":"Q","response":"A"}\n' + json.dumps({"prompt": "Q", "response": empty}).encode()
    assert read_bytes(tmp_path, lines).texts() == [["Q", "A"], ["Q", empty]]


@pytest.mark.parametrize(
    "rejected",
    [CHAT[:1], [{"role": "user", "content": "other"}, CHAT[1]], [*CHAT, *CHAT], [CHAT[0], CHAT[0]]],
)
def test_sides_that_differ_in_more_than_the_answer_are_no_pair(tmp_path: Path, rejected: list[Any]) -> None:
    assert read_row(tmp_path, {"chosen": CHAT, "rejected": rejected}).reasons == [Reason.NOT_A_PAIR]


def test_a_map_names_the_columns(tmp_path: Path) -> None:
    row = {"frage": "Q", "kontext": "C", "antwort": "A", "rolle": "S", "quelle": "web"}
    mapping = {"prompt": "frage", "context": "kontext", "response": "antwort", "system": "rolle"}
    reading = read_row(tmp_path, row, map=mapping)
    assert reading.texts() == [["S", "C\n\nQ", "A"]]
    assert reading.rows["attributes"].to_list() == ['{"quelle":"web"}']


def test_format_overrides_detection(tmp_path: Path) -> None:
    row = {"text": "D", "answer": "A"}
    assert turns_of(tmp_path, row, format=Shape.DOCUMENT) == [("document", "D")]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ({}, ["frage (text)", "antwort (text)", "map: {prompt: frage, response: antwort}"]),
        ({"format": "chat"}, ["frage", "not recognised as chat"]),
        ({"map": {"prompt": "frage"}}, ["not a whole shape", "prompt and response"]),
        ({"map": {"prompt": "frage", "response": "antwrt"}}, ["'antwrt'", "the columns are frage, antwort"]),
        ({"map": {"text": "frage"}, "format": "chat"}, ["not a whole shape", "chat: messages"]),
        (
            {"map": {"prompt": "frage", "response": "antwort"}, "group": "thread"},
            ["'thread'", "antwort, frage"],
        ),
    ],
)
def test_what_cannot_be_read_says_how_to_map(
    tmp_path: Path, source: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(UsageError) as error:
        read_row(tmp_path, {"frage": "SECRET", "antwort": "SECRET"}, **source)
    assert all(word in str(error.value) for word in words)
    assert "SECRET" not in str(error.value)


def test_an_unknown_part_in_a_map_is_refused_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="did you mean 'prompt'"):
        read_row(tmp_path, {"a": "b"}, map={"promt": "a"})


def test_the_shape_of_most_rows_decides_and_the_others_are_quarantined(tmp_path: Path) -> None:
    lines = [b'{"text":"alone"}', *[b'{"question":"Q%d","answer":"A"}' % n for n in range(5)]]
    assert read_bytes(tmp_path, b"\n".join(lines)).reasons == [Reason.MISSING_FIELD, *[None] * 5]


def test_group_licence_and_attributes(tmp_path: Path) -> None:
    row = {
        "prompt": "Q",
        "response": "A",
        "id": 7,
        "thread": 12,
        "terms": "MIT",
        "meta": {"a": 1},
        "ok": True,
    }
    reading = read_row(tmp_path / "a", row, group="thread", licence="terms")
    assert reading.rows.select("source", "group", "licence", "attributes").row(0) == (
        "rows",
        "12",
        "MIT",
        '{"id":7,"ok":true}',
    )
    reading = read_row(
        tmp_path / "b", row, name="faq", licence="CC0-1.0", attributes=["meta", "id", "absent"]
    )
    assert reading.rows.select("source", "group", "licence", "attributes").row(0) == (
        "faq",
        None,
        "CC0-1.0",
        '{"id":7,"meta":{"a":1}}',
    )
