"""Metrics of other packages: found by name, imported when named, held to [0, 1]."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tilth.shards.errors import TrainingError, UsageError
from tilth.training.evaluation import metric_plugins
from tilth.workbench.recipes.recipe_file import load

SOURCE = """
def shorter(answer, reference):
    return len(answer) / max(1, len(reference))

def broken(answer, reference):
    raise RuntimeError(answer)

word = "no function"
"""


@pytest.fixture(autouse=True)
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "manners.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "manners", raising=False)
    values = {n: f"manners:{n}" for n in ("shorter", "broken", "word")} | {"gone": "nowhere:f"}
    points = [EntryPoint(name, value, metric_plugins.GROUP) for name, value in values.items()]
    monkeypatch.setattr(
        metric_plugins, "entry_points", lambda group: points if group == "tilth.metrics" else []
    )


@pytest.mark.parametrize("name", ["shorter", "manners:shorter"])
def test_a_metric_is_imported_when_it_is_needed_and_not_before(name: str) -> None:
    assert name in metric_plugins.names()
    assert "manners" not in sys.modules
    assert metric_plugins.find(name).score("ab", "abcd") == 0.5


def test_an_unknown_metric_is_refused_at_its_line_with_the_nearest_name(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(
        "name: n\nsources:\n  - path: rows.jsonl\nevaluation:\n  tasks:\n"
        "    - path: evals.jsonl\n      metric: exact\n    - path: evals.jsonl\n      metric: shortr\n"
    )
    (tmp_path / "evals.jsonl").write_text('{"prompt": "a", "response": "b"}\n')
    with pytest.raises(UsageError, match=r"recipe.yaml:9: evaluation.tasks.*did you mean 'shorter'"):
        load(recipe)


def test_an_unknown_metric_stops_a_run_that_no_recipe_file_began() -> None:
    with pytest.raises(TrainingError, match="metric shortr: there is none of this name"):
        metric_plugins.find("shortr")


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("shorter", r"metric shorter: returned 2, a score must be in \[0, 1\]"),
        ("broken", "metric broken: raised RuntimeError"),
        ("word", "metric word: is no function"),
        ("gone", "metric gone: cannot be imported"),
    ],
)
def test_a_metric_that_is_no_score_is_named(name: str, what: str) -> None:
    with pytest.raises(TrainingError, match=what) as error:
        metric_plugins.find(name).score("abcd", "ab")
    assert "abcd" not in str(error.value)
