"""tilth runs and tilth index: what there is, where it lies, and links that lead there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

from tests.validators.sample_facts import run_facts
from tests.workbench.conftest import Done
from tilth.validators import report

Run = Callable[..., Done]
FACTS = run_facts()


def add_run(store: Path, run_id: str) -> None:
    report.run_page(store / "runs" / run_id, run_facts(run_id=run_id))


def test_a_store_without_runs_says_what_makes_one(run: Run, recipe: Path) -> None:
    run("curate", recipe)
    assert run("tilth", "runs", "--json").json == []
    assert "next: train" in run("tilth", "runs").out


def test_runs_are_listed_with_word_figures_and_place(run: Run, recipe: Path, tmp_path: Path) -> None:
    run("curate", recipe)
    add_run(tmp_path / ".tilth", "ab12cd")
    (listed,) = run("tilth", "runs", "--json").json
    assert (listed["run_id"], listed["verdict"]) == ("ab12cd", FACTS["verdict"])
    rows = [one["rows"] for one in FACTS["slices"]]
    mean = sum(n * one["tuned"]["value"] for n, one in zip(rows, FACTS["slices"], strict=True)) / sum(rows)
    assert abs(listed["tuned_loss"] - mean) < 1e-9
    assert Path(listed["page"]).is_file()
    shown = run("tilth", "runs").out
    assert "ab12cd" in shown and FACTS["verdict"] in shown and f"→ {mean:.3f}" in shown


def test_the_index_links_every_page_and_all_links_lead_somewhere(
    run: Run, recipe: Path, tmp_path: Path
) -> None:
    first = run("curate", recipe, "--json").json["id"][:12]
    second = run("curate", recipe, "--set", "curation.refusal=null", "--json").json["id"][:12]
    add_run(tmp_path / ".tilth", "ab12cd")
    page = Path(run("tilth", "index").out.strip())
    html = page.read_text()
    anchors = set(re.findall(r'href="#([^"]+)"', html))
    assert anchors <= set(re.findall(r'id="([^"]+)"', html))
    links = re.findall(r'href="([^"#]+)"', html)
    assert all((page.parent / link).resolve().is_file() for link in links)
    assert set(links) == {f"{first}/report.html", f"{second}/report.html", "../runs/ab12cd/report.html"}
    assert "tilth promote desk" in html and str(tmp_path) not in html
    facts = run("tilth", "index", "--json").json
    assert [one["version"] for one in facts["names"][0]["versions"]] == [second, first]
    assert json.loads((page.parent / "report.json").read_bytes())["kind"] == "index"
