"""Tool calls that do not fit the tools of their row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import polars as pl

from tilth.curation.pii.values import PLACEHOLDER
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Verdict

# JSON schema's names of types, as Python has them; a bool is no number.
TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


@stage("tool_arguments", order=15)
@dataclass(frozen=True)
class ToolArguments:
    """Tag tool calls that name no tool of the row, or whose arguments are no object or do not fit its schema.

    Of a schema `required`, `type`, `enum`, `properties` and `items` are read; of a row without tool
    definitions only whether the arguments are an object.
    """

    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn, and how many calls have unreadable arguments, an unknown tool, misfits."""
        calling = turns.filter(pl.col("tool_calls").is_not_null()).select(
            "row_id", "turn", "tool_calls", "tools"
        )
        schemas: dict[str | None, dict[str, Any] | None] = {}
        counts = []
        for calls, tools in calling.select("tool_calls", "tools").iter_rows():
            if tools not in schemas:
                schemas[tools] = _schemas(tools)
            counts.append(_count(json.loads(calls), schemas[tools]))
        columns = {name: pl.Float64() for name in ("unreadable", "unknown", "misfits")}
        return calling.select("row_id", "turn").hstack(pl.DataFrame(counts, schema=columns, orient="row"))

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule for each way in which a call does not fit."""
        return (
            Rule("unreadable", "arguments_unreadable", high=0, verdict=self.verdict),
            Rule("unknown", "unknown_tool", high=0, verdict=self.verdict),
            Rule("misfits", "arguments_misfit", high=0, verdict=self.verdict),
        )


def _schemas(tools: str | None) -> dict[str, Any] | None:
    """Return the parameters' schema of each tool by name; None where the row defines none."""
    found: dict[str, Any] = {}
    for tool in json.loads(tools) if tools else ():
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        if isinstance(function, dict) and isinstance(function.get("name"), str):
            found[function["name"]] = function.get("parameters") or function.get("input_schema")
    return found or None


def _count(calls: list[dict[str, Any]], schemas: Mapping[str, Any] | None) -> tuple[int, int, int]:
    """Return how many calls have unreadable arguments, an unknown tool, arguments that do not fit."""
    unreadable = unknown = misfits = 0
    for call in calls:
        arguments = {} if call["arguments"] is None else call["arguments"]
        if not isinstance(arguments, dict):
            unreadable += 1
        elif schemas is not None and call["name"] not in schemas:
            unknown += 1
        elif schemas is not None:
            misfits += not fits(arguments, schemas[call["name"]])
    return unreadable, unknown, misfits


def fits(value: Any, schema: Any) -> bool:
    """Return whether a value fits the types, required names and enumerations of a JSON schema.

    What the schema does not say, or says in words unknown here, is allowed, and so is a placeholder in place of
    anything: personal data were there, of whatever type.
    """
    if isinstance(value, str) and PLACEHOLDER.fullmatch(value):
        return True
    if not isinstance(schema, dict):
        return True
    names = schema.get("type")
    types = [TYPES.get(n) for n in (names if isinstance(names, list) else [names]) if isinstance(n, str)]
    if types and None not in types and not any(_is_a(value, t) for t in types if t):
        return False
    if isinstance(schema.get("enum"), list) and value not in schema["enum"]:
        return False
    if isinstance(value, dict) and isinstance(schema.get("properties"), dict):
        properties, required = schema["properties"], schema.get("required")
        if isinstance(required, list) and any(name not in value for name in required):
            return False
        if schema.get("additionalProperties") is False and value.keys() - properties.keys():
            return False
        return all(fits(item, properties.get(name)) for name, item in value.items())
    if isinstance(value, list):
        return all(fits(item, schema.get("items")) for item in value)
    return True


def _is_a(value: Any, types: tuple[type, ...]) -> bool:
    if isinstance(value, bool):
        return bool in types
    return isinstance(value, types) or (int in types and isinstance(value, float) and value.is_integer())
