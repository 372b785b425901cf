"""Metrics of other packages: found by name, imported when named, held to [0, 1]."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from pydantic import ValidationError

from tilth.shards.errors import TrainingError
from tilth.training.evaluation import metric_plugins
from tilth.training.recipe import Task

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
    assert Task(path="x", metric=name).metric == name
    assert "manners" not in sys.modules
    assert metric_plugins.metric(name)("ab", "abcd") == 0.5


def test_an_unknown_metric_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ValidationError, match="did you mean 'shorter'"):
        Task(path="x", metric="shortr")


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
        metric_plugins.metric(name)("abcd", "ab")
    assert "abcd" not in str(error.value)
