from __future__ import annotations

import json
from typing import Any

import polars as pl
import pytest

from tests.turn_frames import reasons, turn_frame
from tilth.curation.rules.tool_arguments import ToolArguments, fits
from tilth.shards.tables import Verdict

WEATHER = {
    "name": "weather",
    "parameters": {
        "type": "object",
        "properties": {
            "city": {"type": "string"},
            "days": {"type": "integer"},
            "unit": {"enum": ["C", "F"]},
            "hours": {"type": "array", "items": {"type": "number"}},
        },
        "required": ["city"],
    },
}


def called(name: str, arguments: Any, tools: list[Any] | None) -> pl.DataFrame:
    calls = json.dumps([{"id": "a", "name": name, "arguments": arguments}])
    turns = turn_frame([("user", "Weather?"), {"role": "assistant", "text": None, "tool_calls": calls}])
    return turns.with_columns(tools=pl.lit(json.dumps(tools) if tools else None, pl.String))


@pytest.mark.parametrize(
    ("name", "arguments", "found"),
    [
        ("weather", {"city": "Rome", "days": 3, "unit": "C", "hours": [1, 2.5]}, set()),
        ("weather", {"city": "Rome", "days": 3.0}, set()),
        ("weather", {"city": "Rome", "extra": 1}, set()),
        ("wether", {"city": "Rome"}, {"unknown_tool"}),
        ("weather", {}, {"arguments_misfit"}),
        ("weather", None, {"arguments_misfit"}),
        ("weather", {"city": 7}, {"arguments_misfit"}),
        ("weather", {"city": "Rome", "days": "3"}, {"arguments_misfit"}),
        ("weather", {"city": "Rome", "days": True}, {"arguments_misfit"}),
        ("weather", {"city": "Rome", "unit": "K"}, {"arguments_misfit"}),
        ("weather", {"city": "Rome", "hours": [1, "2"]}, {"arguments_misfit"}),
        ("weather", '{"city": "Ro', {"arguments_unreadable"}),
    ],
)
def test_calls_are_held_against_their_tool(name: str, arguments: Any, found: set[str]) -> None:
    for tools in ([WEATHER], [{"type": "function", "function": WEATHER}]):
        assert reasons(ToolArguments(), called(name, arguments, tools)) == [found]


def test_without_definitions_only_the_form_is_judged() -> None:
    assert reasons(ToolArguments(), called("anything", {"x": 1}, None)) == [set()]
    assert reasons(ToolArguments(), called("anything", "cut {", None)) == [{"arguments_unreadable"}]


def test_what_a_schema_does_not_say_is_allowed() -> None:
    assert fits(1, None) and fits(1, {"type": "int"}) and fits(None, {"type": ["string", "null"]})
    assert not fits({"x": 1}, {"properties": {}, "additionalProperties": False})


def test_rows_without_calls_are_left_out_and_it_tags() -> None:
    measured = ToolArguments().measure(turn_frame([("user", "Hi"), ("assistant", "Hi")]))
    assert measured.height == 0 and measured.schema["misfits"] == pl.Float64()
    assert {rule.verdict for rule in ToolArguments().rules()} == {Verdict.KEEP}
