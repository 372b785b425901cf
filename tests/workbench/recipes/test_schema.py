"""The JSON schema of a recipe takes what the loader takes, and refuses what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.workbench.conftest import Done
from tilth.shards.errors import UsageError
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.recipes.schema import recipe_schema
from tilth.workbench.recipes.yaml_lines import read_document

Run = Callable[..., Done]
BUNDLED = [path for path in (Path(str(files("tilth.data"))) / "recipes").glob("*.yaml")]
MINIMAL: dict[str, Any] = {"name": "desk", "sources": [{"path": "rows.jsonl"}]}


def fits(recipe: dict[str, Any]) -> bool:
    validator = jsonschema.Draft202012Validator(recipe_schema())
    validator.check_schema(recipe_schema())
    return validator.is_valid(recipe)


@pytest.mark.parametrize("path", BUNDLED, ids=lambda path: path.stem)
def test_the_bundled_recipes_fit(path: Path) -> None:
    assert fits(read_document(path).data)


@pytest.mark.parametrize(
    "section",
    [
        {"curation": {"language": {"keep": ["en"]}, "dedup": None, "unicode": True}},
        {"curation": {"decontaminate": ["evals/*.jsonl"], "slice_by": "topic", "pushback": None}},
        {"curation": {"refusal": {"verdict": "drop"}, "complexity": {"bounds": {"words": {"low": 2}}}}},
        {"training": {"base": "some-model", "lora": {"rank": 8}, "rate": 1e-5}},
        {"training": None, "evaluation": None},
        {"evaluation": {"tasks": [{"path": "t.jsonl", "metric": "exact"}]}},
        {"checks": {"min_rows": None}},
    ],
)
def test_what_a_recipe_may_say_fits(section: dict[str, Any], tmp_path: Path) -> None:
    assert fits(MINIMAL | section)


@pytest.mark.parametrize(
    "section",
    [
        {"curration": {}},
        {"curation": {"dedup": {"near_jacard": 0.8}}},
        {"curation": {"dedup": {"near_jaccard": 1.9}}},
        {"curation": {"refusal": {"verdict": "delete"}}},
        {"training": {"base": "some-model", "rank": 8}},
        {"training": {"lora": {"rank": 8}}},
        {"checks": {"min_rows": "many"}},
        {"sources": [{"colour": "red"}]},
        {"refresh": {"promote": "hope"}},
        {"evaluation": {"tasks": [{"path": "t.jsonl", "metric": "exakt"}]}},
    ],
)
def test_what_the_loader_refuses_does_not_fit(section: dict[str, Any], tmp_path: Path) -> None:
    assert not fits(MINIMAL | section)
    path = tmp_path / "recipe.yaml"
    path.write_text(json.dumps(MINIMAL | section))
    with pytest.raises(UsageError):
        load(path)


def test_the_command_prints_it_and_init_names_it_in_the_first_line(
    run: Run, recipe: Path, tmp_path: Path
) -> None:
    assert json.loads(run("tilth", "schema").out) == json.loads(json.dumps(recipe_schema()))
    assert run("tilth", "init", "rows.jsonl", "--base", "nowhere", "--out", "mine.yaml").code == 0
    first = (tmp_path / "mine.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=mine.schema.json"
    written = json.loads((tmp_path / "mine.schema.json").read_bytes())
    assert jsonschema.Draft202012Validator(written).is_valid(read_document(tmp_path / "mine.yaml").data)
    assert written["properties"]["sources"]["description"]
