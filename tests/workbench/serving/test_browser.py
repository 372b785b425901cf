"""In a real browser: no error, no request elsewhere, readable by everyone, by keyboard, small, dark, on paper.

Driven by Playwright with the Chromium that is installed; skipped where either is missing.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.faults.xss_payloads import payloads
from tests.workbench.serving.conftest import CHROMIUM, curated, room_of, serve
from tilth.shards.judgement import Act, Judgement
from tilth.shards.store import Store

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here")

AA = {"runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}}
CURATION = "{slice_by: [topic], dedup: null, pii: null, unicode: null}"
NO_HANDLERS = (
    "[...document.querySelectorAll('*')].every(e => [...e.attributes].every(a => !a.name.startsWith('on')))"
)
VIEWS = ("/", "/version/desk.candidate", "/rows/desk.candidate", "/rows/desk.candidate?q=lamp&sort=chars&order=down",
         "/review/desk", "/review/desk/card?queue=sample%3Aempty%3Aempty_response", "/runs", "/run/going",
         "/what-if/desk", "/what-if/desk?dedup.near_jaccard=0.3", "/refresh/desk", "/rows/desk.candidate?how=regex&q=(",
         "/no/such/page")  # fmt: skip


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def room(kept_world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """A room with a version, a decision, and a run that is going."""
    folder = tmp_path_factory.mktemp("browsed") / "world"
    shutil.copytree(kept_world, folder)
    going = folder / ".tilth" / "runs" / "going"
    going.mkdir(parents=True)
    lines = [{"kind": "step", "step": n, "loss": 3 - n / 10, "rate": 1e-3} for n in range(1, 9)]
    lines.append(
        {"kind": "evaluation", "step": 8, "loss": 2.5, "slices": {"desk": {"probe": 2.0, "feedback": 2.6}}}
    )
    (going / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    yield from serve(room_of(folder), folder)


class Watched:
    """A page whose console, errors and requests are kept."""

    def __init__(self, browser: Any, link: str, **more: Any) -> None:
        self.root = link.split("/?", maxsplit=1)[0]
        self.context = browser.new_context(**more)
        self.page = self.context.new_page()
        self.problems: list[str] = []
        self.page.on("console", self._console)
        self.page.on("pageerror", lambda error: self.problems.append(str(error)))
        self.page.on("request", lambda one: None if self._is_ours(one.url) else self.problems.append(one.url))
        self.page.on("dialog", self._dialog)
        self.page.goto(link)

    def _is_ours(self, url: str) -> bool:
        return url.startswith((f"{self.root}/", "data:,"))

    def _console(self, message: Any) -> None:
        # The status of a refusal is written to the console by the browser itself.
        if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
            self.problems.append(message.text)

    def _dialog(self, dialog: Any) -> None:
        self.problems.append(f"a dialog: {dialog.message}")
        dialog.dismiss()

    def go(self, path: str) -> Any:
        self.page.goto(self.root + path, wait_until="load")
        return self.page

    def rows_path(self) -> str:
        self.go("/rows/desk.candidate?verdict=keep")
        return str(self.page.locator("table.rows a").first.get_attribute("href"))


def press(page: Any, key: str, judged: str) -> None:
    """Press a key and wait until the page says how many are judged."""
    page.keyboard.press(key)
    page.locator(".tally", has_text=judged).wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_is_quiet_and_readable_by_everyone(
    chromium: Any, room: tuple[str, Path], scheme: str
) -> None:
    watched = Watched(chromium, room[0], color_scheme=scheme)
    for path in (*VIEWS, watched.rows_path()):
        page = watched.go(path)
        found = axe.Axe().run(page, options=AA).response["violations"]
        told = [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found]
        assert told == [], f"{path}: {told}"
        assert page.locator("h1").count() == 1 and page.title().endswith("Tilth")
    assert watched.problems == []
    watched.context.close()


def test_every_view_fits_a_telephone_and_a_sheet_of_paper(chromium: Any, room: tuple[str, Path]) -> None:
    watched = Watched(chromium, room[0], viewport={"width": 390, "height": 800})
    for path in (*VIEWS, watched.rows_path()):
        page = watched.go(path)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path
        page.emulate_media(media="print")
        assert not page.locator(".bar").is_visible(), path
        page.emulate_media(media="screen")
    assert watched.problems == []
    watched.context.close()


def test_the_keyboard_alone_reviews(chromium: Any, world: Path) -> None:
    for link, folder in serve(room_of(world), world):
        watched = Watched(chromium, link)
        page = watched.go("/review/desk")
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        for _ in range(60):  # every queue is reached with Tab
            page.keyboard.press("Tab")
            focused = "document.activeElement"
            if page.evaluate(f"{focused}.tagName === 'A' && {focused}.textContent.startsWith('empty')"):
                break
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-card]")
        first = page.locator("[name=row]").get_attribute("value")

        press(page, "k", "1 of 12")
        press(page, "d", "2 of 12")
        press(page, "s", "3 by you")
        press(page, "u", "2 by you")
        page.keyboard.press("n")
        page.keyboard.type("kept by hand")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.name") != "note", (
            "Enter leaves the note and decides nothing"
        )
        press(page, "k", "3 by you")
        page.keyboard.press("e")
        page.keyboard.type("Typed ")
        press(page, "Control+Enter", "4 by you")
        log = Store.open(folder / ".tilth").judgement_log.read("desk").judgements
        acts = [str(one.act) for one in log]
        assert acts[0] == "keep" and log[0].row == first and "repair" in acts and "undo" in acts
        assert any(one.note == "kept by hand" for one in log)
        assert any(
            pair[1].startswith("Typed ") or "Typed " in pair[1] for one in log for pair in one.edits.values()
        )
        assert watched.problems == []
        watched.context.close()


def test_a_run_is_drawn_while_it_goes(chromium: Any, room: tuple[str, Path]) -> None:
    watched = Watched(chromium, room[0])
    page = watched.go("/run/going")
    assert "Step 8" in page.inner_text("#curves")
    with (room[1] / ".tilth" / "runs" / "going" / "metrics.jsonl").open("a") as file:
        file.write(json.dumps({"kind": "step", "step": 9, "loss": 1.25, "rate": 1e-3}) + "\n")
    page.locator("#curves", has_text="Step 9").wait_for()
    assert watched.problems == []
    watched.context.close()


def test_three_hundred_hostile_strings_stay_text(chromium: Any, tmp_path: Path) -> None:
    """In texts, names, notes, authors, addresses and fields of forms: nothing runs, nothing breaks out."""
    hostile = payloads("http://127.0.0.1:9/out")
    hostile += [f"{one}\"'--></title></style></textarea></script>{n}" for n, one in enumerate(hostile[:100])]
    assert len(set(hostile)) == 300
    written = [one.replace("\ud800", "") for one in hostile]
    folder = tmp_path / "world"
    folder.mkdir()
    rows = [
        {"messages": [{"role": "user", "content": f"{n} {one}"}, {"role": "assistant", "content": one or "nothing"}],
         "topic": one[:60]}
        for n, one in enumerate(written)
    ]  # fmt: skip
    names = ["a<img src=x onerror=pwn()>.jsonl", "b\"'><svg onload=pwn()>.jsonl"]
    for name, some in zip(names, (rows[:150], rows[150:])):
        (folder / name.replace("/", "_")).write_text("\n".join(map(json.dumps, some)), encoding="utf-8")
    sources = "".join(f"  - path: {json.dumps(name.replace('/', '_'))}\n" for name in names)
    recipe = folder / "recipe.yaml"
    recipe.write_text(f"name: desk\nsources:\n{sources}curation: {CURATION}\nchecks: {{min_rows: 1}}\n")
    store = curated(recipe)
    version = store.version("desk.candidate")
    keys = version.rows(["row_id", "text_digest"])
    said = [
        Judgement(at="2026-01-02T03:04:05+00:00", by=(one.strip() or "x")[:80], act=Act.DROP,
                  row=row.hex(), text=text.hex(), note=one[:2000], queue=one[:100], said=one[:100], nonce=str(n))
        for n, (one, (row, text)) in enumerate(zip(written, keys.iter_rows()))
    ]  # fmt: skip
    store.judgement_log.add("desk", said)
    for link, _ in serve(room_of(folder), folder):
        watched = Watched(chromium, link)
        paths = [f"/rows/desk.candidate?page={n}" for n in range(1, 7)]
        paths += ["/", "/version/desk.candidate", "/review/desk", "/review/desk/card?queue=search"]
        paths += [f"/row/desk.candidate/{row.hex()}" for row in keys["row_id"].head(5)]
        for path in paths:
            page = watched.go(path)
            assert page.evaluate(
                "window.pwned === undefined && document.documentElement.getAttribute('pwned') === null"
            )
            assert page.title().endswith("Tilth") and page.locator("main#main").count() == 1, path
            scripts = page.evaluate("[...document.scripts].map(s => s.getAttribute('src'))")
            assert scripts == ["/static/htmx.min.js", "/static/room.js"], path
            assert page.evaluate(NO_HANDLERS)
        page = watched.go("/")
        answers = page.evaluate(
            """async (all) => {
                let bad = 0;
                for (let n = 0; n < all.length; n += 3) {
                    const [q, slice, tag] = all.slice(n, n + 3);
                    const said = new URLSearchParams({q, slice: slice || q, tag: tag || q, how: "words"});
                    const text = await (await fetch("/rows/desk.candidate?" + said)).text();
                    const page = new DOMParser().parseFromString(text, "text/html");
                    if (page.scripts.length !== 2 || !page.querySelector("main#main")) bad++;
                    const handles = (e) => [...e.attributes].some(a => a.name.startsWith("on"));
                    if ([...page.querySelectorAll("*")].some(handles)) bad++;
                }
                return bad;
            }""",
            [one for one in written if len(one) < 900],
        )
        assert answers == 0
        for one in written[:5]:
            watched.go("/")
            watched.page.fill("#who-name", one.replace("\x00", "")[:80])
            watched.page.click("text=Keep")
            assert watched.page.locator("main#main").count() == 1
        refused = [problem for problem in watched.problems if "Content Security Policy" not in problem]
        assert refused == [], refused[:3]
        assert watched.problems == [], "nothing was even tried"
        watched.context.close()


def test_pages_that_need_no_script_work_without_one(chromium: Any, world: Path) -> None:
    for link, folder in serve(room_of(world), world):
        watched = Watched(chromium, link, java_script_enabled=False)
        page = watched.go("/review/desk/card?queue=sample%3Aempty%3Aempty_response")
        page.click("button[value=drop]")
        assert "1 of 12" in page.inner_text(".tally")
        page.goto(watched.root + "/rows/desk.candidate")
        page.fill("#q", "lamp")
        page.click("form.search button")
        assert re.search(r"\d+ lines", page.inner_text(".tally"))
        assert len(Store.open(folder / ".tilth").judgement_log.read("desk").judgements) == 1
        watched.context.close()
