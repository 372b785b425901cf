"""The examples run as they stand."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.workbench.conftest import Done, run

__all__ = ["run"]
EXAMPLES = Path(__file__).parents[2] / "examples"
Run = Callable[..., Done]


ROOT = EXAMPLES.parent
Reasons = dict[str, str]


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Copy an example, and put the bundled base in the place of the one its recipe names."""
    monkeypatch.setenv("TILTH_BASES", str(tmp_path / "bases"))
    shutil.copytree(ROOT / "data" / "base", tmp_path / "bases" / "smollm2-135m")
    return lambda name: Path(shutil.copytree(EXAMPLES / name, tmp_path / name)) / "recipe.yaml"


def curated(run: Run, recipe: Path) -> tuple[Any, Reasons]:
    """Return what `curate --json` prints of a recipe, and the stage of each reason that took a row."""
    done = run("curate", recipe, "--json")
    assert done.code == 0, done.err
    facts = json.loads((Path(done.json["page"]).parent / "report.json").read_bytes())
    return done.json, {line["reason"]: line["stage"] for line in facts["taken"]}


def test_every_example_says_what_it_shows_and_stands_in_the_list() -> None:
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    for path in EXAMPLES.iterdir():
        if path.name not in ("README.md", "__pycache__"):
            assert f"`{path.name}{'/' * path.is_dir()}`" in listed, path.name
            start = (path / "recipe.yaml" if path.is_dir() else path).read_text(encoding="utf-8")
            assert start.startswith(("# ", '"""')), f"{path.name} does not say what it shows"


def test_chat(run: Run, example: Callable[[str], Path]) -> None:
    recipe = example("chat")
    facts, taken = curated(run, recipe)
    assert facts["counts"]["lines"] == 56
    assert set(taken) == {"exact_duplicate", "empty_response", "ai_disclaimer"}
    peek = run("train", recipe, "--peek")
    assert peek.code == 0, peek.err
    assert "You are the desk of a repair shop." in peek.out
    assert "lovelace" not in peek.out


def test_documents(run: Run, example: Callable[[str], Path]) -> None:
    recipe = example("documents")
    facts, taken = curated(run, recipe)
    assert taken == {
        "covers_eval_item": "decontaminate",
        "near_duplicate": "dedup",
        "licence_not_allowed": "licences",
        "gopher_top_2gram_chars": "prose",
    }
    assert facts["rewritten"] == {"entities": 1}
    store = recipe.parent / ".tilth"
    assert run("tilth", "export", "documents.candidate", recipe.parent / "out", "--store", store).code == 0


def test_preference_pairs(run: Run, example: Callable[[str], Path]) -> None:
    recipe = example("preference_pairs")
    _, taken = curated(run, recipe)
    assert taken == {"swapped_pair": "pairs", "identical_pair": "preference"}
    plan = run("train", recipe, "--plan")
    assert plan.code == 0, plan.err
    assert "base to hold to" in plan.out  # the reference, which only this method needs


def test_weekly_refresh(run: Run, example: Callable[[str], Path]) -> None:
    recipe = example("weekly_refresh")
    later = recipe.parent / "weeks" / "2026-48.jsonl"
    week = later.read_bytes()
    later.unlink()
    assert curated(run, recipe)[0]["counts"]["lines"] == 100
    later.write_bytes(week)
    assert curated(run, recipe)[0]["counts"]["lines"] == 200
    due = run("refresh", "run", recipe, "--dry-run")
    assert due.code == 0, due.err
    line = run("refresh", "emit", "cron", recipe)
    assert "run" in line.out and "--if-due" in line.out


def test_look_at_texts(capsys: pytest.CaptureFixture[str]) -> None:
    found = runpy.run_path(str(EXAMPLES / "look_at_texts.py"))
    assert found["languages"].out == [4]
    assert found["personal"].redacted[2] == "Write to [EMAIL_1] about the invoice, or call [PHONE_1]."
    assert found["leaked"].out == [3]
    assert "100%" in capsys.readouterr().out


def test_deduplicate(capsys: pytest.CaptureFixture[str]) -> None:
    found = runpy.run_path(str(EXAMPLES / "deduplicate.py"))
    assert found["near"].out == [2] and found["near"].at(0.3).out == [2, 3, 4]
    assert found["semantic"].out == [2, 4]
    assert "2 dropped: repeats text 0" in capsys.readouterr().out


@pytest.fixture
def own_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the example, its plugin installed as pip would, from its pyproject."""
    folder = shutil.copytree(EXAMPLES / "own_rules", tmp_path / "own_rules")
    project = tomllib.loads((folder / "plugin" / "pyproject.toml").read_text())["project"]
    info = folder / "plugin" / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
    )
    points = "".join(f"{k} = {v}\n" for k, v in project["entry-points"]["tilth.stages"].items())
    (info / "entry_points.txt").write_text(f"[tilth.stages]\n{points}")
    monkeypatch.syspath_prepend(str(folder / "plugin"))
    yield folder
    sys.modules.pop("tilth_shouting", None)


def test_own_rules(run: Run, own_rules: Path) -> None:
    done = run("curate", own_rules / "recipe.yaml", "--json")
    assert done.code == 0, done.err
    assert (done.json["counts"]["lines"], done.json["counts"]["dropped"]) == (10, 2)
    facts = json.loads((Path(done.json["page"]).parent / "report.json").read_bytes())
    assert {line["reason"] for line in facts["taken"]} == {"shouting", "has_a_price"}
    assert "rated_low" in {tag["reason"] for tag in facts["tags"]}
