"""One source of a recipe."""

from __future__ import annotations

import codecs
import difflib
from typing import Literal

from pydantic import BaseModel, ConfigDict, field_validator

from tilth.shards.tables import Role, Shape

# What a mapping can name. `context` stands before the prompt, `input` after it, `history` is earlier turns,
# `choices` what a question offers; `label` says whether an answer is a good one.
PARTS = (
    "messages",
    "tools",
    "system",
    "history",
    "context",
    "prompt",
    "input",
    "choices",
    "response",
    "label",
    "text",
    "chosen",
    "rejected",
)
SPEAKERS = (Role.SYSTEM.value, Role.DEVELOPER.value, Role.USER.value, Role.ASSISTANT.value, Role.TOOL.value)


class Source(BaseModel):
    """Files to read rows from, and how.

    path: a file or glob, relative to the recipe; s3://bucket/key; hf://org/name@commit/path.
    name: what the rows are counted under; default: the file name without suffixes.
    format: overrides the detected shape.
    map: part of a row -> column, for columns that are not recognised.
    group: the column that holds the conversation or source id; rows of one group never straddle splits.
    licence: a column, or the licence itself.
    attributes: columns to keep beside the text; default: every scalar column that is not otherwise used.
    roles: what a file calls its speakers -> user, assistant, system, developer or tool.
    neighbours: `merge` joins messages of one role that follow each other; by default they stay as they are.
    text_only: read rows with pictures, sounds or films without them; by default such rows are set aside.
    nulls: words that stand for nothing; default: in tables those that pandas writes.
    written_calls: `keep` learns calls that stand in the text as <tool_call>…</tool_call> or <functioncall> as text;
        by default they are read as calls where all of a row parse.
    encoding, delimiter, quote: of a text file or CSV, where they are not found right.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    path: str
    name: str | None = None
    format: Shape | None = None
    map: dict[str, str] | None = None
    group: str | None = None
    licence: str | None = None
    attributes: list[str] | None = None
    roles: dict[str, str] | None = None
    neighbours: Literal["keep", "merge"] = "keep"
    text_only: bool = False
    nulls: list[str] | None = None
    written_calls: Literal["read", "keep"] = "read"
    encoding: str | None = None
    delimiter: str | None = None
    quote: str | None = None

    @field_validator("path")
    @classmethod
    def _check_path(cls, path: str) -> str:
        if not path.strip() or "\0" in path:
            raise ValueError("a path must name a file")
        return path

    @field_validator("map")
    @classmethod
    def _check_map(cls, mapping: dict[str, str] | None) -> dict[str, str] | None:
        for part in mapping or {}:
            if part not in PARTS:
                near = difflib.get_close_matches(part, PARTS, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; the parts are {', '.join(PARTS)}"
                raise ValueError(f"{part!r} is no part of a row{hint}")
        return mapping

    @field_validator("roles")
    @classmethod
    def _check_roles(cls, roles: dict[str, str] | None) -> dict[str, str] | None:
        for name, role in (roles or {}).items():
            if role not in SPEAKERS:
                raise ValueError(f"{name!r} cannot be {role!r}; the roles are {', '.join(SPEAKERS)}")
        return roles

    @field_validator("delimiter", "quote")
    @classmethod
    def _check_mark(cls, mark: str | None) -> str | None:
        if mark is not None and (len(mark) != 1 or mark in "\r\n\0"):
            raise ValueError('must be one character, for example ";" or "\\t"')
        return mark

    @field_validator("encoding")
    @classmethod
    def _check_encoding(cls, encoding: str | None) -> str | None:
        try:
            is_text = encoding is None or codecs.lookup(encoding)._is_text_encoding
        except LookupError:
            is_text = False
        if not is_text:
            raise ValueError(f"no encoding is called {encoding!r}; try utf-8, utf-16, cp1252 or shift_jis")
        return encoding
