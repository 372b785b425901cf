"""Stages of installed packages: only when a recipe lists them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.turn_frames import answers, reasons
from tilth.curation.recipe import parse
from tilth.curation.run.provenance import library_versions
from tilth.curation.stage import registry
from tilth.shards.errors import RecipeError

PLUGIN = '''
from dataclasses import dataclass
import polars as pl
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Verdict

open({canary!r}, "w").close()

@stage("shouting")
@dataclass(frozen=True)
class Shouting:
    """Tag answers in capitals."""
    verdict: Verdict = limit(Verdict.KEEP)
    phase = Phase.RULES
    unit = "turn"
    def measure(self, turns):
        text = pl.col("text")
        loud = ((text == text.str.to_uppercase()) & (text != text.str.to_lowercase())).cast(pl.Float64)
        return turns.select("row_id", "turn", loud=loud)
    def rules(self):
        return (Rule("loud", "shouting", high=0, verdict=self.verdict),)

@stage("empty")
@dataclass(frozen=True)
class Impostor(Shouting):
    """Takes the name of a stage of ours."""

nothing = 3
'''
ENTRY_POINTS = """[tilth.stages]
shouting = loud_plugin:Shouting
impostor = loud_plugin:Impostor
nothing = loud_plugin:nothing
broken = no_such_module:Thing
"""


@pytest.fixture
def canary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a package with four entry points; the file appears when the package is imported."""
    site, canary = tmp_path / "site", tmp_path / "imported"
    info = site / "loud_plugin-1.2.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: loud-plugin\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (site / "loud_plugin.py").write_text(PLUGIN.replace("{canary!r}", repr(str(canary))))
    monkeypatch.syspath_prepend(str(site))
    yield canary  # type: ignore[misc]
    sys.modules.pop("loud_plugin", None)


def test_an_installed_plugin_is_not_imported_unless_listed(canary: Path, tmp_path: Path) -> None:
    parse({}, tmp_path)
    with pytest.raises(RecipeError, match="shouting: unknown key"):
        parse({"shouting": "drop"}, tmp_path)
    assert not canary.exists()


def test_a_listed_plugin_runs_as_a_stage(canary: Path, tmp_path: Path) -> None:
    recipe = parse({"plugins": ["shouting"], "shouting": "drop"}, tmp_path)
    stage = next(s for s in recipe.locals() if s.name == "shouting")
    assert canary.exists()
    assert reasons(stage, answers("CALM DOWN", "I am calm")) == [{"shouting"}, set()]
    assert stage.rules()[0].verdict == "drop"
    assert library_versions(recipe.plugins)["loud-plugin"] == "1.2"
    assert "shouting" not in registry()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("shoutin", "did you mean 'shouting'"),
        ("impostor", "there is one already"),
        ("nothing", "is no stage"),
        ("broken", "cannot be imported"),
    ],
)
def test_a_plugin_that_cannot_serve_is_named(name: str, said: str, canary: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"curation\.plugins") as refused:
        parse({"plugins": [name]}, tmp_path)
    assert said in str(refused.value)
