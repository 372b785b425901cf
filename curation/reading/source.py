"""One source of a recipe."""

from __future__ import annotations

import difflib

from pydantic import BaseModel, ConfigDict, field_validator

from tilth.shards.tables import Shape

# What a mapping can name. `context` stands before the prompt, `input` after it.
PARTS = (
    "messages",
    "tools",
    "system",
    "context",
    "prompt",
    "input",
    "response",
    "text",
    "chosen",
    "rejected",
)


class Source(BaseModel):
    """Files to read rows from, and how.

    path: a file or glob, relative to the recipe; s3://bucket/key; hf://org/name@commit/path.
    name: what the rows are counted under; default: the file name without suffixes.
    format: overrides the detected shape.
    map: part of a row -> column, for columns that are not recognised.
    group: the column that holds the conversation or source id; rows of one group never straddle splits.
    licence: a column, or the licence itself.
    attributes: columns to keep beside the text; default: every scalar column that is not otherwise used.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str
    name: str | None = None
    format: Shape | None = None
    map: dict[str, str] | None = None
    group: str | None = None
    licence: str | None = None
    attributes: list[str] | None = None

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
