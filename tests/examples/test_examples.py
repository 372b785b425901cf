"""The examples run as they stand."""

from __future__ import annotations

import json
import runpy
import shutil
import sys
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workbench.conftest import Done, run

__all__ = ["run"]
EXAMPLES = Path(__file__).parents[2] / "examples"
Run = Callable[..., Done]


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
