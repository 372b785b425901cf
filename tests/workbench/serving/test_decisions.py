"""What is decided in the browser is in the next version, with its author, and can be taken back."""

from __future__ import annotations

import re
import threading
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest

from tests.workbench.serving.conftest import Asked, asked, curated, field, room_of
from tilth.shards.judgement import Act
from tilth.shards.store import Store

EMPTY = "sample:empty:empty_response"


def card(browser: Asked, queue: str = EMPTY) -> str:
    answer = browser.get("/review/desk/card", params={"queue": queue})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def say(browser: Asked, html: str, act: str, **more: str) -> str:
    said = {name: field(html, name) for name in ("row", "text", "queue", "nonce")}
    answer = browser.post("/review/desk/judge", said | {"act": act, **more})
    assert answer.status_code == 200, answer.text
    return str(answer.text)


def log(world: Path) -> tuple:  # type: ignore[type-arg]
    return Store.open(world / ".tilth").judgement_log.read("desk").judgements


def test_the_whole_story(browser: Asked, world: Path) -> None:
    """Search, look at a row, review twenty, curate: the decisions are in the new version, explained and undone."""
    found = browser.get("/rows/desk.candidate", params={"q": "lamp", "verdict": "keep"}).text
    row = re.search(r"/row/[0-9a-f]{12}/([0-9a-f]{32})", found)
    assert row
    told = browser.get(row[0]).text
    said = {"row": row[1], "text": field(told, "text"), "queue": "", "then": "row"}
    browser.post("/review/desk/judge", said | {"act": "drop", "note": "names a customer"})
    html = card(browser)
    for _ in range(11):
        html = say(browser, html, "keep")
    html = say(browser, html, "drop")
    assert "Nothing is left for you" in html
    html = browser.get("/review/desk/card", params={"queue": "search", "q": "radio", "verdict": "keep"}).text
    for n in range(7):
        html = say(browser, html, "drop" if n % 2 else "keep", **{"rest-q": "radio", "rest-verdict": "keep"})
    judged = log(world)
    assert len(judged) == 20 and {one.by for one in judged} == {"ann"}

    before = Store.open(world / ".tilth").version("desk.candidate")
    curated(world / "recipe.yaml")
    store = Store.open(world / ".tilth")
    after = store.version("desk.candidate")
    decided = {line["row_id"].hex(): line for line in after.decisions().to_dicts()}
    for one in judged:
        assert decided[one.row]["verdict"] == ("drop" if one.act is Act.DROP else "keep"), one
    assert decided[row[1]]["note"].startswith("ann, ") and "names a customer" in decided[row[1]]["note"]

    page = browser.get(f"/row/desk.candidate/{row[1]}").text
    assert "a person dropped it" in page and "names a customer" in page
    assert "tilth review undo desk --by ann" in browser.get("/version/desk.candidate").text
    proved = browser.get("/review/desk").text
    assert re.search(r"right 1 of 12", proved), "the precision of the rule is told where it is named"
    assert browser.get(f"/compare/{before.short}/{after.short}").text.count("a person dropped it") >= 4

    last = next(one for one in reversed(judged) if one.act is Act.DROP)
    browser.post("/review/desk/judge", {"act": "undo", "queue": EMPTY, "of": last.id})
    curated(world / "recipe.yaml")
    line = Store.open(world / ".tilth").version("desk.candidate").decisions().filter(
        pl.col("row_id") == bytes.fromhex(last.row)
    )  # fmt: skip
    assert line["stage"][0] != "review"


def test_a_repair_is_what_was_typed_and_keeping_it_says_it_again(browser: Asked, world: Path) -> None:
    html = browser.get("/review/desk/card", params={"queue": "search", "q": "mirror", "verdict": "keep"}).text
    row = field(html, "row")
    typed = "Bring it\r\nto the desk, <b>please</b> & soon."
    say(browser, html, "repair", **{"turn-1": typed, "rest-q": "mirror"})
    curated(world / "recipe.yaml")
    version = Store.open(world / ".tilth").version("desk.candidate")
    texts = version.turns(pl.Series([bytes.fromhex(row)], dtype=pl.Binary()))["text"].to_list()
    assert texts[1] == typed.replace("\r\n", "\n")
    told = browser.get(f"/row/desk.candidate/{row}").text
    browser.post("/review/desk/judge", {"row": row, "text": field(told, "text"), "act": "keep", "queue": ""})
    assert log(world)[-1].act is Act.REPAIR
    before = version.id
    curated(world / "recipe.yaml")
    assert (
        Store.open(world / ".tilth").version("desk.candidate").manifest.content_id
        == version.manifest.content_id
    )
    assert before


def test_undo_takes_back_the_last_word_and_shows_the_row_again(browser: Asked, world: Path) -> None:
    html = card(browser)
    row = field(html, "row")
    html = say(browser, html, "drop")
    html = say(browser, html, "undo")
    assert field(html, "row") == row
    assert [str(one.act) for one in log(world)] == ["drop", "undo"]
    assert browser.post("/review/desk/judge", {"act": "undo", "queue": EMPTY}).status_code == 400


def test_sent_twice_it_is_there_once(browser: Asked, world: Path) -> None:
    html = card(browser)
    say(browser, html, "drop")
    say(browser, html, "drop")
    words = log(world)
    assert len(words) == 1 or words[0].at != words[1].at


@pytest.mark.parametrize(
    "change",
    [
        {"act": "shout"},
        {"row": "00"},
        {"row": "f" * 32},
        {"text": "0" * 64},
        {"act": "repair"},
        {"note": "x" * 3_000},
    ],
)
def test_a_word_that_cannot_be_taken_is_refused_and_nothing_kept(
    change: dict[str, str], browser: Asked, world: Path
) -> None:
    html = card(browser)
    said = {name: field(html, name) for name in ("row", "text", "queue", "nonce")} | {"act": "drop"} | change
    answer = browser.post("/review/desk/judge", said)
    assert (answer.status_code == 400 and "Nothing was" in answer.text) or "not taken" in answer.text
    assert log(world) == ()


def test_two_people_see_each_others_rows_only_now_and_then_and_settle_what_they_dispute(world: Path) -> None:
    room = room_of(world)
    ann, bob = asked(room), asked(room)
    bob.client.cookies.set("tilth-who", quote("bob"))
    html = card(ann)
    while "Nothing is left" not in html:
        html = say(ann, html, "keep")
    html, seen = card(bob), 0
    while "Nothing is left" not in html:
        html = say(bob, html, "drop")
        seen += 1
    assert 0 < seen < 12, "one row in five is asked of both"
    page = ann.get("/review/desk").text
    assert f"{seen} rows are disputed" in page
    assert "Reviewers disagree" in ann.get("/").text
    curated(world / "recipe.yaml")
    html = card(ann, "disputed")
    assert "said keep" in html and "said drop" in html
    say(ann, html, "drop", note="agreed over tea")
    store = Store.open(world / ".tilth")
    assert log(world)[-1].settles
    curated(world / "recipe.yaml")
    row = bytes.fromhex(log(world)[-1].row)
    assert store.version("desk.candidate").decisions().filter(pl.col("row_id") == row)["verdict"][0] == "drop"


def test_readers_and_reviewers_at_once_lose_nothing(world: Path) -> None:
    """A small one of the load that `benchmarks` runs for a minute: 4 reviewers and 6 readers."""
    room = room_of(world)
    problems: list[str] = []

    def review(who: str) -> None:
        browser = asked(room)
        browser.client.cookies.set("tilth-who", who)
        for _ in range(6):
            html = browser.get("/review/desk/card", params={"queue": "search", "verdict": "keep"}).text
            said = {name: field(html, name) for name in ("row", "text", "queue", "nonce")}
            if (
                browser.post("/review/desk/judge", said | {"act": "drop", "rest-verdict": "keep"}).status_code
                != 200
            ):
                problems.append(who)

    def read() -> None:
        browser = asked(room)
        for path in ("/", "/rows/desk.candidate?q=lamp", "/version/desk.candidate", "/review/desk"):
            if browser.get(path).status_code != 200:
                problems.append(path)

    work = [threading.Thread(target=review, args=(f"p{n}",)) for n in range(4)]
    work += [threading.Thread(target=read) for _ in range(6)]
    for one in work:
        one.start()
    for one in work:
        one.join()
    assert problems == []
    read_back = Store.open(world / ".tilth").judgement_log.read("desk")
    assert len(read_back.judgements) == 24 and read_back.damaged == 0


def test_a_candidate_is_approved_or_sent_back_with_a_reason_and_a_name(browser: Asked, world: Path) -> None:
    store = Store.open(world / ".tilth")
    page = browser.get("/refresh/desk").text
    fields = {"candidate": field(page, "candidate"), "what": "approve"}
    assert browser.post("/refresh/desk/decide", fields).status_code == 400, "a reason is asked for"
    stale = browser.post("/refresh/desk/decide", fields | {"candidate": "0" * 64, "reason": "ok"})
    assert stale.status_code == 400 and store.served("desk") is None
    page = browser.post("/refresh/desk/decide", fields | {"reason": "read 50 rows"}).text
    served = store.served("desk")
    assert served is not None and "read 50 rows" in page and "ann" in page
    html = card(browser)
    say(browser, html, "keep")
    curated(world / "recipe.yaml")
    page = browser.get("/refresh/desk").text
    back = {"candidate": field(page, "candidate"), "what": "rollback", "reason": "not yet", "to": served.id}
    browser.post("/refresh/desk/decide", back)
    candidate = store.candidate("desk")
    assert candidate is not None and candidate.id == served.id


def test_what_if_shows_what_would_change_and_writes_the_recipe_with_its_comments(
    browser: Asked, world: Path
) -> None:
    page = browser.get("/what-if/desk", params={"length.min_chars": "46"}).text
    assert "would go" in page and "Write this to recipe.yaml" in page
    assert browser.get("/what-if/desk", params={"dedup.near_jaccard": "nan"}).status_code == 400
    browser.post("/what-if/desk/write", {"dedup.near_jaccard": "0.9"})
    text = (world / "recipe.yaml").read_text()
    assert "near_jaccard: 0.9" in text and "# what the desk learns" in text and "# as is usual" in text
    before = text
    refused = browser.post("/what-if/desk/write", {"dedup.near_jaccard": "7"})
    assert refused.status_code == 400 and (world / "recipe.yaml").read_text() == before


def test_a_damaged_store_shows_what_is_whole(browser: Asked, world: Path) -> None:
    store = Store.open(world / ".tilth")
    version = store.version("desk.candidate")
    path = store.objects.find(version.manifest.objects["turns"][0])
    path.write_bytes(path.read_bytes()[:-20])
    assert browser.get("/").status_code == 200
    fresh = asked(room_of(world))
    answer = fresh.get("/rows/desk.candidate")
    assert answer.status_code in (200, 400) and "Traceback" not in answer.text
    (store.root / "refs" / "desk").write_text("damaged")
    page = fresh.get("/").text
    assert "does not hold a version id" in page
    (store.root / "review").mkdir(exist_ok=True)
    (store.root / "review" / "desk.jsonl").write_bytes(b'{"half": ')
    assert fresh.get("/review/desk").status_code in (200, 400)
