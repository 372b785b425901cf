"""Class 25: hostile values in rows, names and notes reach the pages; no script runs, nothing is asked for."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.faults.xss_payloads import payloads
from tests.validators.sample_facts import comparison_facts, doctor_facts, run_facts
from tests.validators.sample_store import publish
from tilth.validators.gate import CheckResult
from tilth.validators.report import (
    MAX_BYTES,
    Curated,
    comparison_page,
    data_page,
    data_report,
    doctor_page,
    run_page,
)
from tilth.validators.wording import is_relative

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
TAGS = """
    html head meta title style body header main section footer div p h1 h2 h3 ol ul li dl dt dd span b i strong
    nav small code a table thead tbody tr th td details summary figure figcaption svg rect line circle polyline text
"""
ATTRIBUTES = """
    lang charset name content http-equiv class colspan href role width height x y rx x1 x2 y1 y2 cx cy r points
    viewbox preserveaspectratio id tabindex aria-label aria-labelledby
"""


@pytest.fixture(scope="module")
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server on this machine: its origin, and every path it was asked for."""
    paths: list[str] = []

    class Recorder(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Recorder)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", paths
    server.shutdown()


@pytest.fixture(scope="module")
def pages(asked: tuple[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The three pages, every payload on each, and hostile values in every place that takes text."""
    hostile, out = payloads(asked[0]), tmp_path_factory.mktemp("pages")
    assert len(hostile) == len(set(hostile)) == 200
    written = [value.replace("\ud800", "") for value in hostile]  # a reader quarantines lone surrogates
    old = publish(out / "store", written, names=tuple(written[:40]))
    new = publish(out / "store", written, names=tuple(written[:40]), seed=1)
    action = [{key: value for key in ("action", "target", "evidence", "reverse")} for value in hostile[:60]]
    checks = [CheckResult("min_rows", "error", True, 1, 1, note=hostile[0])]
    targets = {"language": {value: 0.01 for value in hostile[:20]}, hostile[21]: {hostile[22]: 1.0}}
    data = data_report(
        new,
        old,
        Curated(checks, action, targets=targets, phases={"dedup": hostile[5]}, recipe_path=hostile[3]),
    )
    everywhere: dict[str, Any] = {
        "reasons": hostile,
        "links": [{"label": h, "href": h} for h in hostile[::4]],
    }
    return [
        data_page(out / "data", {**data, **everywhere}),  # type: ignore[typeddict-item]
        run_page(out / "run", {**poison(run_facts(), hostile), **everywhere}),  # type: ignore[typeddict-item]
        comparison_page(out / "comparison", {**poison(comparison_facts(), hostile), **everywhere}),  # type: ignore[typeddict-item]
        doctor_page(out / "doctor", {**poison(doctor_facts(), hostile), **everywhere}),  # type: ignore[typeddict-item]
    ]


def poison(facts: Any, hostile: list[str]) -> Any:
    """Replace every text of the facts, and every key of a score, by the next payload."""
    turn = iter(hostile * 5)

    def walk(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            free = key in ("scores", "changes")
            return {next(turn) if free else k: walk(v, k) for k, v in value.items()}
        if isinstance(value, list):
            return [walk(item, key) for item in value]
        return next(turn) if isinstance(value, str) and key not in ("unit", "kind") else value

    return walk(facts)


class Markup(HTMLParser):
    """Collects what is markup on a page, and its text."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.hrefs: list[str] = []
        self.policies: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.tags.add(tag)
        self.attributes.update(values)
        self.hrefs += [values["href"] or ""] if "href" in values else []
        if values.get("http-equiv") == "Content-Security-Policy":
            self.policies.append(values["content"] or "")

    def handle_data(self, data: str) -> None:
        self.text.append(data)


@pytest.mark.parametrize("page", range(4))
def test_payloads_stay_text_even_without_the_policy(pages: list[Path], page: int) -> None:
    found = Markup()
    source = pages[page].read_text(encoding="utf-8")
    found.feed(source)
    assert found.tags <= set(TAGS.split()) and found.attributes <= set(ATTRIBUTES.split())
    assert found.policies == [POLICY]
    assert all(is_relative(href) or re.fullmatch("#[a-z0-9-]+", href) for href in found.hrefs)
    shown = "".join(found.text)
    assert shown.count("<script>") >= 60 and "onerror=" in shown, "the payloads are on the page"
    assert "49<script>" not in shown, "a value was rendered as a template"
    assert len(source.encode()) <= MAX_BYTES
    assert {path.name for path in pages[page].parent.iterdir()} == {"report.html", "report.json"}


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
@pytest.mark.parametrize("page", range(4))
def test_a_browser_runs_nothing_and_asks_for_nothing(
    pages: list[Path], asked: tuple[str, list[str]], tmp_path: Path, page: int
) -> None:
    asked[1].clear()
    dom = browse(pages[page], tmp_path)
    assert "report.json beside it" in dom, "the browser read the page to its end"
    assert not ran(dom)
    assert asked[1] == []


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")
def test_the_browser_would_have_shown_it(asked: tuple[str, list[str]], tmp_path: Path) -> None:
    """The same values unescaped, without a policy: the detector sees both script and requests."""
    values = payloads(asked[0])
    careless = [values[i] for i in (0, 1, 2, 75, 80)]
    bad = tmp_path / "careless.html"
    bad.write_text("<!doctype html><html><body>" + "".join(careless), encoding="utf-8")
    asked[1].clear()
    assert ran(browse(bad, tmp_path))
    assert {"/2", "/80"} <= set(asked[1])


def browse(page: Path, tmp_path: Path) -> str:
    """Load a page in headless Chromium, let two seconds pass in it, return its document."""
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        f"--user-data-dir={tmp_path / 'profile'}", "--virtual-time-budget=2000", "--dump-dom", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, timeout=120, check=True)
    return done.stdout.decode("utf-8", "replace")


def ran(dom: str) -> bool:
    return re.search(r"<html[^>]*\bpwned=", dom) is not None or "<title>pwned</title>" in dom
