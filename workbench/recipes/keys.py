"""Every key of a recipe with its type, default, unit, range and sentence, read from the JSON schema."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from tilth.workbench.recipes.schema import Schema, recipe_schema

ITEM = "[]"  # behind the name of a list: `sources[].path`
# The unit that the last word of a name says, where a name ends in one.
UNITS = ("bytes", "tokens", "rows", "chars", "words", "turns", "steps", "minutes", "seconds", "layers", "letters",
         "sentences", "epochs", "seeds", "groups", "lines")  # fmt: skip
TYPES = {"integer": "whole number", "number": "number", "string": "text", "boolean": "true or false",
         "object": "keys", "null": "null"}  # fmt: skip


@dataclass(frozen=True)
class RecipeKey:
    """One key: where it stands, what it may hold, and what it means.

    default: as JSON; "" where there is none. range: in words; "" where every value of the type will do.
    """

    path: str
    type: str
    default: str
    unit: str
    range: str
    sentence: str

    @property
    def takes(self) -> str:
        """What the key takes, in a phrase: `a number from 0 to 1 (default 0.8)`."""
        limits = f" {self.range}" if self.range else ""
        return f"{self.type}{limits}" + (f" (default {self.default})" if self.default else "")


@cache
def recipe_keys() -> tuple[RecipeKey, ...]:
    """Return every key in the order of the schema, those inside a section behind it."""
    schema = recipe_schema()
    return tuple(_keys(schema, schema["$defs"], ""))


def key_at(path: Sequence[str | int]) -> RecipeKey | None:
    """Return the key that a place in a recipe is about, or None."""
    wanted = ".".join("" if isinstance(part, int) else str(part) for part in path).replace("..", f"{ITEM}.")
    return next((key for key in recipe_keys() if key.path == wanted), None)


def nearest(path: Sequence[str | int]) -> str:
    """Return a next step for an unknown key: the nearest one of its section, one level down, or anywhere."""
    name, above = str(path[-1]), tuple(str(part) for part in path[:-1] if not isinstance(part, int))
    parts = [(key.path, tuple(key.path.replace(ITEM, "").split("."))) for key in recipe_keys()]
    beside = {way[-1]: full for full, way in parts if way[:-1] == above}
    inside = [(full, way) for full, way in parts if way[: len(above)] == above and len(way) > len(above) + 1]
    below = {way[-1]: full for full, way in reversed(inside)}
    joined = {"_".join(way[len(above) :]): full for full, way in inside}
    anywhere = {way[-1]: full for full, way in reversed(parts)}
    if name in joined:
        return f"did you mean '{joined[name]}'?"
    longer = [
        known for known in beside if f"_{name}_".endswith(f"_{known}_") or f"_{known}_".endswith(f"_{name}_")
    ]
    if longer:
        return f"did you mean {longer[0]!r}?"
    for known, cutoff in ((beside, 0.6), (below, 0.75), (anywhere, 0.85)):
        close = difflib.get_close_matches(name, known, n=1, cutoff=cutoff)
        if close:
            return (
                f"did you mean '{known[close[0]]}'?" if known is not beside else f"did you mean {close[0]!r}?"
            )
    return f"known here: {', '.join(sorted(beside))}"


def _keys(part: Schema, definitions: Schema, above: str) -> Iterator[RecipeKey]:
    for name, value in part.get("properties", {}).items():
        path = f"{above}{name}"
        choices = [_resolved(choice, definitions) for choice in value.get("anyOf", [value])]
        sections = [choice for choice in choices if "properties" in choice]
        items = [
            _resolved(choice["items"], definitions)
            for choice in choices
            if isinstance(choice.get("items"), dict)
        ]
        lists = [item for item in items if "properties" in item]
        default = value.get("default", None)
        yield RecipeKey(
            path=path,
            type=" or ".join(dict.fromkeys(_type(choice, definitions) for choice in choices)),
            default="" if "default" not in value or (default is None and sections) else json.dumps(default),
            unit=_unit(name, choices),
            range=next((words for choice in [*choices, *items] if (words := _range(choice))), ""),
            sentence=value.get("description") or "",
        )
        for section in sections[:1]:
            yield from _keys(section, definitions, f"{path}.")
        for item in lists[:1]:
            yield from _keys(item, definitions, f"{path}{ITEM}.")


def _resolved(part: Any, definitions: Schema) -> Schema:
    reference = part.get("$ref")
    found: Schema = definitions[reference.rpartition("/")[2]] if reference else part
    return found


def _type(part: Schema, definitions: Schema) -> str:
    if "const" in part:
        return json.dumps(part["const"])
    if "enum" in part:
        return " or ".join(f"`{one}`" for one in part["enum"])
    if part.get("type") == "array":
        several = part.get("prefixItems")
        if several:
            return f"list of {len(several)}"
        item = _resolved(part.get("items", {}), definitions)
        inner = " or ".join(
            _type(_resolved(one, definitions), definitions) for one in item.get("anyOf", [item])
        )
        return f"list of {inner}"
    return TYPES.get(part.get("type", ""), "anything")


def _range(part: Schema) -> str:
    """Return the bounds of a number in words."""
    low, above = part.get("minimum"), part.get("exclusiveMinimum")
    high, under = part.get("maximum"), part.get("exclusiveMaximum")
    words = {"from": low, "above": above, "to": high, "below": under}
    return " ".join(f"{word} {_written(bound)}" for word, bound in words.items() if bound is not None)


def _written(bound: float) -> str:
    """Return a bound with commas between its thousands, or in powers of ten."""
    return f"{bound:,.0f}" if bound == round(bound) and abs(bound) < 1e15 else f"{bound:g}"


def _unit(name: str, choices: list[Schema]) -> str:
    if not any(choice.get("type") in ("integer", "number") for choice in choices):
        return ""
    last = name.rsplit("_", 1)[-1]
    if last in UNITS and not any(c.get("maximum") == 1 for c in choices):
        return last
    is_share = any(c.get("maximum", c.get("exclusiveMaximum")) == 1 and c["type"] == "number" for c in choices
                   if c.get("type") == "number")  # fmt: skip
    return "share" if is_share else ""
