"""Suites of Great Expectations are read as they are written, and written as they are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tilth.shards.errors import UsageError
from tilth.validators.recipe import Expectation
from tilth.validators.suite import read_suite, write_suite


def saved(tmp_path: Path, *listed: dict[str, Any], **more: Any) -> Path:
    path = tmp_path / "suite.json"
    path.write_text(json.dumps({"name": "s", "expectations": listed, **more}))
    return path


def test_what_great_expectations_writes_is_read(tmp_path: Path) -> None:
    import great_expectations as gx
    import great_expectations.expectations as gxe

    gx.get_context(mode="ephemeral")
    suite = gx.ExpectationSuite(
        name="s",
        expectations=[
            gxe.ExpectColumnValuesToBeBetween(column="turns", min_value=2, max_value=9, mostly=0.9),
            gxe.ExpectColumnValuesToNotBeNull(column="response"),
            gxe.ExpectColumnValuesToBeInSet(column="topic", value_set=["a", "b"], severity="warning"),
            gxe.ExpectColumnValuesToMatchRegex(column="response", regex=r"\.$"),
            gxe.ExpectColumnValuesToNotMatchRegex(column="response", regex="TODO"),
            gxe.ExpectColumnValueLengthsToBeBetween(column="prompt", min_value=1, max_value=80),
            gxe.ExpectColumnValuesToBeUnique(column="prompt"),
        ],
    )
    found = read_suite(saved(tmp_path, *json.loads(json.dumps(suite.to_json_dict()))["expectations"]))
    assert [(one.column, one.low, one.high, one.mostly) for one in found[:1]] == [("turns", 2, 9, 0.9)]
    assert found[1].present and found[2].one_of == ("a", "b") and found[2].severity == "warning"
    assert found[3].matches == r"\.$" and found[4].expression == '~pl.col("response").str.contains("TODO")'
    assert "len_chars() >= 1" in (found[5].expression or "") and found[6].unique


def test_what_is_written_is_read_back_as_it_was(tmp_path: Path) -> None:
    asked = (
        Expectation(name="a", column="turns", low=2, mostly=0.5),
        Expectation(name="b", expression='pl.col("text") != ""', severity="warning"),
        Expectation(name="c", column="topic", one_of=("x",), where='pl.col("turns") > 2'),
    )
    suite = write_suite("desk", asked)
    assert [one["type"] for one in suite["expectations"]] == ["expect_column_values_to_be_between"]
    assert set(read_suite(_written(tmp_path, suite))) == set(asked)


def _written(tmp_path: Path, suite: dict[str, Any]) -> Path:
    path = tmp_path / "written.json"
    path.write_text(json.dumps(suite))
    return path


def test_suites_of_older_releases_are_read(tmp_path: Path) -> None:
    old = {"expectation_type": "expect_column_values_to_be_unique", "kwargs": {"column": "id"}}
    assert read_suite(saved(tmp_path, old, old))[1].name == "id_values_to_be_unique_2"


@pytest.mark.parametrize(
    ("listed", "said"),
    [
        ({"type": "expect_column_mean_to_be_between", "kwargs": {"column": "a"}}, "is not judged here"),
        (
            {
                "type": "expect_column_values_to_be_unique",
                "kwargs": {"column": "a", "row_condition": "b > 1"},
            },
            "row_condition",
        ),
        ({"type": "expect_column_values_to_be_unique", "kwargs": {}}, "no column"),
        (
            {"type": "expect_column_values_to_be_between", "kwargs": {"column": "a", "mostly": 7}},
            "less than or equal",
        ),
        ("x", "no suite"),
    ],
)
def test_what_nobody_here_can_judge_is_refused_by_name(tmp_path: Path, listed: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        read_suite(saved(tmp_path, listed))


@pytest.mark.parametrize("text", ["", "[]", "{", '{"expectations": 3}'])
def test_what_is_no_suite_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "s.json").write_text(text)
    with pytest.raises(UsageError, match="no suite"):
        read_suite(tmp_path / "s.json")
