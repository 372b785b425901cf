"""tilth index: one page of a store that links all others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tilth.shards.version import SHORT_HEX
from tilth.validators import report
from tilth.validators.facts.index import ComparisonLine, IndexFacts, NameLines, RunLine, VersionLine
from tilth.validators.wording import count
from tilth.workbench.looking.runs import list_runs

if TYPE_CHECKING:
    from pathlib import Path

    from tilth.shards.store import Store


def index_facts(store: Store) -> IndexFacts:
    """Return every page of a store, newest first; links are relative to the folder of pages."""
    reports = store.root / "reports"
    names = [_name(store, name, reports) for name in store.names()]
    runs = [_run(run) for run in list_runs(store)]
    comparisons = _comparisons(reports)
    versions = sum(len(name["versions"]) for name in names)
    return IndexFacts(
        kind="index",
        verdict="Every page",
        reasons=[
            f"{count(versions)} versions, {count(len(runs))} runs, {count(len(comparisons))} comparisons."
        ],
        next="tilth log" if len(names) < 2 else "tilth log NAME",
        name=store.root.parent.name,
        names=names,
        runs=runs,
        comparisons=comparisons,
    )


def write_index(store: Store) -> Path:
    """Write the page and return its path."""
    return report.index_page(store.root / "reports", index_facts(store))


def _name(store: Store, name: str, reports: Path) -> NameLines:
    served = store.served(name)
    versions = [
        VersionLine(
            version=entry["id"][:SHORT_HEX],
            published_at=str(entry["published_at"] or "")[:19],
            counts={key: entry["counts"][key] for key in ("kept", "dropped", "quarantined")},
            passed=all(entry["checks"].values()),
            refs=", ".join(entry["refs"]),
            verdict=_facts(reports / entry["id"][:SHORT_HEX]).get("verdict", ""),
            href=_href(reports / entry["id"][:SHORT_HEX], reports),
        )
        for entry in store.log(name)
    ]
    return NameLines(name=name, served=served.short if served else "", versions=versions)


def _run(run: dict[str, Any]) -> RunLine:
    return RunLine(
        run_id=run["run_id"],
        version=run["version"],
        verdict=run["verdict"],
        method=run["method"],
        steps=run["steps"],
        base_loss=run["base_loss"],
        tuned_loss=run["tuned_loss"],
        ended_at=run["ended_at"][:19],
        href=f"../runs/{run['run_id']}/{report.PAGE}",
    )


def _comparisons(reports: Path) -> list[ComparisonLine]:
    pages = sorted(reports.glob("*-*/report.json"), key=lambda page: -page.stat().st_mtime_ns)
    told = [(page.parent, json.loads(page.read_bytes())) for page in pages]
    return [
        ComparisonLine(versions=folder.name, sentence=facts["sentence"], href=_href(folder, reports))
        for folder, facts in told
        if facts.get("kind") == "comparison"
    ]


def _facts(folder: Path) -> dict[str, Any]:
    path = folder / report.FACTS
    facts: dict[str, Any] = json.loads(path.read_bytes()) if path.is_file() else {}
    return facts


def _href(folder: Path, reports: Path) -> str:
    page = folder / report.PAGE
    return str(page.relative_to(reports)) if page.is_file() else ""
