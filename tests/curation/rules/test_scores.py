"""Scores read from files: joined by text digest, bounded by the recipe, counted where there are none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.turn_frames import answers, reasons
from tilth.curation.recipe import parse
from tilth.curation.rules.scores import Scores
from tilth.curation.run import provenance as identity
from tilth.shards.errors import RecipeError


def write(path: Path, **columns: list[Any]) -> str:
    """Write scores of the rows of `answers`, whose text digests are their numbers."""
    rows = len(next(iter(columns.values())))
    keys = pl.Series("text_digest", [n.to_bytes(16, "big") for n in range(rows)], dtype=pl.Binary)
    floats = dict.fromkeys(columns, pl.Float64)
    pl.DataFrame({"text_digest": keys, **columns}, schema_overrides=floats).write_parquet(path)
    return str(path)


@pytest.fixture
def file(tmp_path: Path) -> str:
    return write(tmp_path / "a.parquet", ifd=[0.4, 1.2, None], perplexity=[10.0, 20.0, 900.0])


def test_scores_become_measures_and_drop_nothing_by_themselves(file: str) -> None:
    stage = Scores(paths=(file,))
    turns = answers("one", "two", "three", "four")
    measured = stage.measure(turns)
    assert measured["ifd"].to_list() == [0.4, 1.2, None, None]
    assert measured["perplexity"].to_list() == [10.0, 20.0, 900.0, None]
    assert reasons(stage, turns) == [set(), set(), set(), {"no_score"}]


def test_bounds_drop_what_lies_outside_and_never_what_has_no_score(file: str) -> None:
    stage = Scores(paths=(file,), bounds={"ifd": {"high": 1.0}, "perplexity": {"low": 15, "high": 500}})
    found = reasons(stage, answers("one", "two", "three", "four"))
    assert found == [{"perplexity_too_low"}, {"ifd_too_high"}, {"perplexity_too_high"}, {"no_score"}]


def test_scores_of_two_scorers_lie_side_by_side(file: str, tmp_path: Path) -> None:
    other = write(tmp_path / "b.parquet", judge=[5.0, 1.0, 3.0, 4.0])
    measured = Scores(paths=(file, other)).measure(answers("one", "two", "three", "four"))
    assert measured["judge"].to_list() == [5.0, 1.0, 3.0, 4.0]
    assert measured["unscored"].to_list() == [0.0] * 4


def test_a_file_written_anew_is_read_anew(file: str, tmp_path: Path) -> None:
    stage = Scores(paths=(file,))
    assert stage.measure(answers("one"))["ifd"].to_list() == [0.4]
    write(tmp_path / "new.parquet", ifd=[0.5])
    (tmp_path / "new.parquet").replace(file)
    assert stage.measure(answers("one"))["ifd"].to_list() == [0.5]


def test_what_cannot_be_read_or_bounded_is_named(file: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"bounds\.beauty: there is no such number.*ifd, perplexity"):
        Scores(paths=(file,), bounds={"beauty": {"high": 1}}).rules()
    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(RecipeError, match=r"text\.parquet is no table of scores"):
        Scores(paths=(str(tmp_path / "text.parquet"),)).rules()
    twice = write(tmp_path / "twice.parquet", ifd=[0.1])
    with pytest.raises(RecipeError, match="two files have a score 'ifd'"):
        Scores(paths=(file, twice)).rules()


def test_a_recipe_names_the_file_and_its_bytes_are_part_of_what_it_is(file: str, tmp_path: Path) -> None:
    section = {"scores": {"paths": ["*.parquet"], "bounds": {"ifd": {"high": 1}}}}
    recipe = parse(section, tmp_path, eval_paths=())
    before = identity.recipe_digest([], recipe), identity.stage_digests(recipe.stages)["scores"]
    looser = parse({"scores": ["a.parquet"]}, tmp_path)
    assert Scores(paths=(file,)) in looser.locals()
    assert identity.stage_digests(looser.stages)["scores"] == before[1]
    assert identity.recipe_digest([], looser) != before[0]
    write(Path(file), ifd=[0.1])
    assert identity.stage_digests(recipe.stages)["scores"] != before[1]


def test_evaluation_files_are_no_scores(file: str, tmp_path: Path) -> None:
    (tmp_path / "eval.jsonl").write_text("{}")
    recipe = parse({"scores": ["a.parquet"]}, tmp_path, eval_paths=["eval.jsonl"])
    assert Scores(paths=(file,)) in recipe.locals()


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"scores": ["none.parquet"]}, "no file matches 'none.parquet'.*train score RECIPE"),
        ({"scores": {"paths": ["a.parquet"], "bounds": {"ifd": {"hihg": 1}}}}, r"bounds\.ifd\.hihg"),
    ],
)
def test_a_recipe_that_cannot_be_met_says_what_to_do(
    file: str, tmp_path: Path, section: dict[str, Any], message: str
) -> None:
    with pytest.raises(RecipeError, match=message):
        parse(section, tmp_path)
