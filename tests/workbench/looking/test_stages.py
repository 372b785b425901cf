"""tilth stages: every stage, from its own words."""

from __future__ import annotations

from click.testing import CliRunner

from tilth.curation.stage import registry
from tilth.workbench.commands.tilth import main


def test_every_stage_is_listed_with_what_it_does() -> None:
    said = CliRunner().invoke(main, ["stages"]).output
    lines = {line.split()[1]: line for line in said.splitlines() if len(line.split()) > 2}
    assert set(registry()) <= set(lines)
    assert lines["dedup"].split()[2] == "on" and lines["select"].split()[2] == "off"
    assert lines["unicode"].startswith("rewrite") and said.index("decontaminate") < said.index("balance")


def test_one_stage_shows_its_parameters() -> None:
    said = CliRunner().invoke(main, ["stages", "dedup"]).output
    assert "near_jaccard" in said and "0.8" in said and "bound, replayable" in said
    done = CliRunner().invoke(main, ["stages", "dedupe"])
    assert done.exit_code == 2 and "did you mean 'dedup'" in done.output
