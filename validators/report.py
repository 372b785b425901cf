"""Writes the pages: `report.json` with the facts, `report.html` rendered from nothing else.

A page is one file: no script, no request, every value escaped (GX's own pages are not: reliability class 25).
It stays under MAX_BYTES whatever the facts hold: long lists are shown in part, and the page says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import jinja2
import markupsafe
from markupsafe import Markup

from tilth.shards.atomic import write_file
from tilth.validators import figures, wording
from tilth.validators.data_facts import Curated, data_report
from tilth.validators.facts.comparison import ComparisonFacts
from tilth.validators.facts.data import DataFacts
from tilth.validators.facts.doctor import DoctorFacts
from tilth.validators.facts.index import IndexFacts
from tilth.validators.facts.run import RunFacts
from tilth.validators.sections import anchored, contents

__all__ = [
    "Curated",
    "answers_page",
    "comparison_page",
    "data_page",
    "data_report",
    "doctor_page",
    "environment",
    "index_page",
    "read_facts",
    "run_page",
]

MAX_BYTES = 300_000
MAX_TEXT_CHARS = 600
PAGE, FACTS, ANSWERS = "report.html", "report.json", "answers.html"
FILTERS = ("count", "percent", "number", "decimal", "signed", "seconds", "size", "quantity", "shorten")


def data_page(out_dir: Path, report: DataFacts) -> Path:
    """Write the page of a version and return its path."""
    return _write(out_dir, "data.html.j2", report, figures.of_data)


def run_page(out_dir: Path, report: RunFacts) -> Path:
    """Write the page of a training run and return its path."""
    return _write(out_dir, "run.html.j2", report, figures.of_run)


def comparison_page(out_dir: Path, report: ComparisonFacts) -> Path:
    """Write the page that says whether the second version helped, and return its path."""
    return _write(out_dir, "comparison.html.j2", report, figures.of_comparison)


def doctor_page(out_dir: Path, report: DoctorFacts) -> Path:
    """Write the health page of one data file and return its path."""
    return _write(out_dir, "doctor.html.j2", report, figures.of_doctor)


def index_page(out_dir: Path, report: IndexFacts) -> Path:
    """Write the page that links all pages of a store and return its path."""
    return _write(out_dir, "index.html.j2", report, figures.of_index)


def answers_page(out_dir: Path, lines: list[dict[str, Any]]) -> Path:
    """Write every line of answers.jsonl, whole, as a plain page of whatever length, and return its path."""
    pages = environment()
    page = pages.get_template("answers.html.j2").render(lines=lines)
    write_file(out_dir / ANSWERS, page.encode("utf-8"))
    return out_dir / ANSWERS


def read_facts(page: Path) -> dict[str, Any]:
    """Return the facts that a page was rendered from."""
    return cast(dict[str, Any], json.loads(page.with_name(FACTS).read_bytes()))


def _write(out_dir: Path, template: str, report: Mapping[str, Any], draw: figures.Draw) -> Path:
    facts = wording.plain(dict(report))
    written = json.dumps(facts, ensure_ascii=True, allow_nan=False, indent=1)
    page = _render(template, facts, draw)
    out_dir.mkdir(parents=True, exist_ok=True)
    write_file(out_dir / FACTS, written.encode("ascii") + b"\n")
    write_file(out_dir / PAGE, page)
    return out_dir / PAGE


def _render(template: str, facts: dict[str, Any], draw: figures.Draw) -> bytes:
    """Render with ever shorter lists until the page fits."""
    pages = environment()
    share = 1.0
    while True:
        cut = figures.Cut(share)
        page = pages.get_template(template).render(
            facts=facts, charts=draw(facts, cut), shown=cut.shown, left_out=cut.left_out
        )
        data = page.encode("utf-8")
        if len(data) <= MAX_BYTES or share < 1e-3:
            return data
        share /= 2


def environment() -> jinja2.Environment:
    """Return what renders a page: everything escaped, every number and text written as wording.py says."""
    made = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=_finalize,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update({name: getattr(wording, name) for name in FILTERS})
    made.filters.update(contents=contents, anchored=anchored)
    made.filters["whole"] = lambda text: markupsafe.escape(wording.visible(str(text)))
    made.tests["relative"] = wording.is_relative
    return made


def _finalize(value: Any) -> Any:
    """Show what a value holds: at most MAX_TEXT_CHARS of text, nothing invisible, a dash for nothing."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, str):
        return wording.shorten(wording.visible(value), MAX_TEXT_CHARS)
    return wording.NOTHING if value is None else value
