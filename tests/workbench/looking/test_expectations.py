"""What people expect of rows is judged alike in a run, a version and a file, and what fails is left to look at."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import polars as pl
import pytest

from tests.workbench.conftest import Done, question
from tilth.validators.gate import CHECKS

Run = Callable[..., Done]
EXPECT = """
  expect:
    - {name: says_desk, expression: 'pl.col("response").str.contains("desk")'}
    - {name: two_turns, column: turns, low: 2, high: 2}
    - {name: known_topic, column: topic, one_of: [repairs, parcels]}
    - {name: early, column: prompt, matches: "Order 1[0-9]:", where: 'pl.col("topic") == "repairs"', mostly: 0.05}
    - {name: once, column: prompt, unique: true}
    - {name: not_lamps, expression: '~pl.col("prompt").str.contains("lamp")', severity: error}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A recipe with expectations; the last of them fails."""
    rows = "".join(json.dumps(question(n)) + "\n" for n in range(60))
    (tmp_path / "rows.jsonl").write_text(rows)
    path = tmp_path / "recipe.yaml"
    off = "".join(f"  {name}: null\n" for name in CHECKS)
    path.write_text(
        "name: desk\nsources: [{path: rows.jsonl}]\n"
        f"curation: {{split: null, language: null, dedup: null}}\nchecks:\n{off}{EXPECT.lstrip(chr(10))}"
    )
    return path


def results(done: Done) -> dict[str, bool]:
    return {check["name"]: check["passed"] for check in done.json["checks"]}


def test_run_version_and_file_are_judged_alike(run: Run, desk: Path) -> None:
    curated = run("curate", desk, "--json")
    assert curated.code == 3, curated.err
    wanted = dict.fromkeys(["says_desk", "two_turns", "known_topic", "early", "once"], True) | {
        "not_lamps": False
    }
    assert curated.json["checks"] == wanted
    by_recipe = run("validate", desk, "--json", "--out", desk.parent / "out")
    by_version = run("validate", curated.json["id"][:12], "--by", desk, "--json")
    by_file = run(
        "validate", desk.parent / "rows.jsonl", "--by", desk, "--json", "--out", desk.parent / "file"
    )
    assert [d.code for d in (by_recipe, by_version, by_file)] == [3, 3, 3]
    assert results(by_recipe) == results(by_version) == results(by_file) == wanted
    reports = desk.parent / ".tilth" / "reports" / curated.json["id"][:12]
    for folder in (reports, desk.parent / "out", desk.parent / "file"):
        failing = pl.read_parquet(folder / "checks" / "not_lamps.parquet", glob=False)
        assert failing.height == 8 and failing["text"].str.contains("lamp").all()
        assert failing["source_path"].str.ends_with("rows.jsonl").all() and failing["line"].min() >= 1
        suite = ET.parse(folder / "checks.xml").getroot()
        assert (suite.get("tests"), suite.get("failures")) == ("6", "1")
        assert "lamp for" not in (folder / "checks.xml").read_text()


def test_without_examples_no_text_is_written(run: Run, desk: Path) -> None:
    assert run("curate", desk, "--set", "report.examples=0").code == 3
    (path,) = desk.parent.glob(".tilth/reports/*/checks/not_lamps.parquet")
    assert pl.read_parquet(path, glob=False)["text"].null_count() == 8


def test_a_suite_is_taken_from_a_recipe_and_judged_as_one(run: Run, desk: Path) -> None:
    run("curate", desk)
    assert run("validate", desk, "--suite", desk.parent / "suite.json").code == 3
    bare = desk.with_name("bare.yaml")
    bare.write_text(desk.read_text().partition("  expect:")[0] + "  suite: suite.json\n")
    assert results(run("validate", bare, "--json")) == results(run("validate", desk, "--json"))


@pytest.mark.parametrize(
    ("expect", "said"),
    [
        ("[{name: a, expression: 'os.x'}]", "expect.0.expression"),
        ("[{name: a, column: b}]", "a column takes"),
        ("[{name: a, column: nowhere, present: true}]", "no row has a column 'nowhere'"),
        ("[{name: a, column: text, low: 1}, {name: a, column: text, low: 1}]", "stands twice"),
        ("[{name: a, column: text, low: 1, where: 'pl.col(\"turns\") > 99'}]", "no row was judged"),
    ],
)
def test_what_cannot_be_judged_does_not_pass(run: Run, desk: Path, expect: str, said: str) -> None:
    done = run("curate", desk, "--set", f"checks.expect={expect}")
    assert done.code in (2, 3) and said in done.out + done.err, done.out + done.err
