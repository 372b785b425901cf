"""Calls, results and tools written as text are read as what they stand for, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.reading import Reading, read_bytes
from tilth.curation.reading.written_calls import KEPT, REACT_KEPT, READ

TOOL = {"type": "function", "function": {"name": "tide", "parameters": {"type": "object"}}}
CALLED = '[{"arguments":{"port":"Lund"},"id":null,"name":"tide"}]'
CALL = '{"name": "tide", "arguments": {"port": "Lund"}}'
SYSTEM = (
    "You are kind. You are given signatures within <tools></tools> XML tags. Here are the available tools: "
    f"<tools> [{json.dumps(TOOL)}] </tools> For each call return JSON within <tool_call></tool_call> tags as "
    "follows:\n<tool_call>\n{'arguments': <args-dict>, 'name': <function-name>}\n</tool_call>"
)


def read(folder: Path, *rows: dict[str, Any], **source: Any) -> Reading:
    return read_bytes(folder, "\n".join(map(json.dumps, rows)).encode(), **source)


def chat(*said: tuple[str, str]) -> dict[str, Any]:
    return {"conversations": [{"from": who, "value": text} for who, text in said]}


def said(reading: Reading) -> list[tuple[str, str]]:
    return [(t["role"], t.get("tool_calls") or t.get("text") or "") for t in reading.turn_dicts()]


def test_hermes_rows_are_calls_results_and_tools(tmp_path: Path) -> None:
    result = '<tool_response>\n{"level": 9}\n</tool_response>'
    reading = read(
        tmp_path,
        chat(
            ("system", SYSTEM),
            ("human", "Q"),
            ("gpt", f"<tool_call>\n{CALL}\n</tool_call>"),
            ("tool", f"{result}\n{result}"),
            ("gpt", "Nine."),
        ),
    )
    assert said(reading) == [
        ("system", "You are kind."),
        ("user", "Q"),
        ("assistant", CALLED),
        ("tool", '{"level": 9}'),
        ("tool", '{"level": 9}'),
        ("assistant", "Nine."),
    ]
    assert json.loads(reading.rows["tools"][0]) == [TOOL]
    assert reading.file.intake.notes == {READ: 1}


@pytest.mark.parametrize(
    "answer",
    [
        f"<tool_call>{CALL}</tool_call>",
        "<tool_call>\n{'name': 'tide', 'arguments': {'port': 'Lund'}}\n</tool_call>",
        f"<functioncall> {CALL} <|endoftext|>",
        """<functioncall> {"name": "tide", "arguments": '{"port": "Lund"}'} <|endoftext|>""",
        '<function=tide>{"port": "Lund"}</function>',
        f"[TOOL_CALLS] [{CALL}]",
        "<tool_call>\n<function=tide>\n<parameter=port>\nLund\n</parameter>\n</function>\n</tool_call>",
        "<function=tide>\n<parameter=port>\nLund\n</parameter>\n</function>",
        f"<|python_tag|>{CALL}<|eom_id|>",
        '<|python_tag|>{"type": "function", "name": "tide", "parameters": {"port": "Lund"}}',
        '<|python_tag|>tide.call(port="Lund")<|eom_id|>',
    ],
)
def test_every_way_to_write_a_call_is_a_call(tmp_path: Path, answer: str) -> None:
    reading = read(tmp_path, chat(("human", "Q"), ("gpt", answer)), {"conversations": []})
    assert said(reading) == [("user", "Q"), ("assistant", CALLED)]


def test_glaive_transcripts_are_turns_with_their_functions_as_tools(tmp_path: Path) -> None:
    row = {
        "system": "SYSTEM: You are helpful with access to the following functions. Use them if required -\n"
        + json.dumps(TOOL["function"], indent=1),
        "chat": f"USER: Q\n\n\nASSISTANT: <functioncall> {CALL} <|endoftext|>\n\n\n"
        'FUNCTION RESPONSE: {"level": 9}\n\n\nASSISTANT: Nine.\n\nUSER is a word. <|endoftext|>\n\n\n',
    }
    reading = read(tmp_path, row)
    assert said(reading) == [
        ("system", "You are helpful."),
        ("user", "Q"),
        ("assistant", CALLED),
        ("tool", '{"level": 9}'),
        ("assistant", "Nine.\n\nUSER is a word."),
    ]
    assert json.loads(reading.rows["tools"][0]) == [TOOL]


@pytest.mark.parametrize(
    "answer",
    [
        '<tool_call>\n{"name": "tide", \n</tool_call>',
        f"<tool_call>{CALL}",
        f"<tool_call>{CALL}</tool_call> and then words",
        "<tool_call>\n<function=tide>\n<parameter=port>\nLund\n</function>\n</tool_call>",
    ],
)
def test_what_does_not_parse_stays_text_and_is_said(tmp_path: Path, answer: str) -> None:
    whole = f"<tool_call>{CALL}</tool_call>"
    reading = read(tmp_path, chat(("human", "Q"), ("gpt", whole), ("human", "R"), ("gpt", answer)))
    assert said(reading) == [("user", "Q"), ("assistant", whole), ("user", "R"), ("assistant", answer)]
    assert reading.file.intake.notes == {KEPT: 1}


def test_the_recipe_can_keep_calls_as_text(tmp_path: Path) -> None:
    answer = f"<tool_call>{CALL}</tool_call>"
    reading = read(tmp_path, chat(("human", "Q"), ("gpt", answer)), written_calls="keep")
    assert said(reading) == [("user", "Q"), ("assistant", answer)]
    assert not reading.file.intake.notes


def test_words_about_tags_in_a_question_are_no_calls(tmp_path: Path) -> None:
    turns = [("human", f"What does <tool_call>{CALL}</tool_call> mean?"), ("gpt", "A call of tide.")]
    reading = read(tmp_path, chat(*turns))
    assert said(reading) == [("user", turns[0][1]), ("assistant", turns[1][1])]
    assert not reading.file.intake.notes


def test_a_hostile_run_of_opened_tags_takes_no_time(tmp_path: Path) -> None:
    answer = "<tool_call>" * 200_000
    reading = read(tmp_path, chat(("human", "Q"), ("gpt", answer)))
    assert reading.file.intake.notes == {KEPT: 1}


def test_a_parameter_is_text_where_its_tool_says_so_else_what_json_makes_of_it(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"code": {"type": "string"}, "days": {"type": "integer"}}}
    tools = [{"type": "function", "function": {"name": "tide", "parameters": schema}}]
    parts = "".join(f"<parameter={key}>\n{text}\n</parameter>\n" for key, text in
                    (("code", "007"), ("days", "3"), ("note", "by\nnight"), ("ports", '["Lund"]')))  # fmt: skip
    answer = f"<tool_call>\n<function=tide>\n{parts}</function>\n</tool_call>"
    row = {
        "tools": tools,
        "messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": answer}],
    }
    (call,) = json.loads(said(read(tmp_path, row))[-1][1])
    assert call["arguments"] == {"code": "007", "days": 3, "note": "by\nnight", "ports": ["Lund"]}


@pytest.mark.parametrize(
    "answer",
    [
        "<|python_tag|>import os\nprint(os.getcwd())",
        '<|python_tag|>tide.call("Lund")',
        "<|python_tag|>tide.call(port=open)",
        "<tool_call><function=tide><parameter=a>1</parameter><parameter=a>2</parameter></function></tool_call>",
        "<function=tide><parameter=a>1</parameter> and so on</function>",
    ],
)
def test_a_call_that_is_none_of_these_stays_text_and_is_counted(tmp_path: Path, answer: str) -> None:
    reading = read(tmp_path, chat(("human", "Q"), ("gpt", answer)))
    assert said(reading)[-1] == ("assistant", answer)
    assert reading.file.intake.notes == {KEPT: 1}


def test_react_stays_text_and_is_counted(tmp_path: Path) -> None:
    answer = 'Thought: I need the tide.\nAction: tide\nAction Input: {"port": "Lund"}'
    reading = read(tmp_path, chat(("human", "Q"), ("gpt", answer)))
    assert said(reading)[-1] == ("assistant", answer)
    assert reading.file.intake.notes == {REACT_KEPT: 1}
    kept = read(tmp_path, chat(("human", "Q"), ("gpt", answer)), written_calls="keep")
    assert kept.file.intake.notes == {}
