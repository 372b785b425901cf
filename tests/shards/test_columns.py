"""One meaning of a column's name, wherever a recipe names one."""

from __future__ import annotations

import json

import polars as pl
import pytest

from tilth.shards.columns import column, require_columns
from tilth.shards.errors import RecipeError


def rows(*attributes: dict[str, object]) -> pl.DataFrame:
    n = len(attributes)
    columns = {name: [name[0]] * n for name in ("source", "shape", "group", "licence")}
    given = pl.Series("attributes", [json.dumps(a) if a else None for a in attributes], pl.String)
    return pl.DataFrame({**columns, "attributes": given})


def values(frame: pl.DataFrame, name: str) -> list[str | None]:
    found = column(frame, name)
    assert found is not None
    return found.to_list()


def test_a_column_of_the_rows_named_source_comes_before_the_file() -> None:
    frame = rows({"source": "desk"}, {"kind": 1}, {})
    assert values(frame, "source") == ["desk", "s", "s"]
    assert values(frame, "file") == ["s", "s", "s"]
    assert values(rows({}, {}), "source") == ["s", "s"]


def test_attributes_are_read_as_text_and_an_absent_one_is_named() -> None:
    frame = rows({"a b": True, "n": 1.5}, {"a b": None})
    assert values(frame, "a b") == ["true", None] and values(frame, "n") == ["1.5", None]
    assert column(frame, "m") is None
    with pytest.raises(RecipeError, match=r"no row has a column 'm'.*file, source"):
        require_columns(frame, ["n", "m"], ("curation", "slice_by"))
