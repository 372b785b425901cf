"""Search, filters, facets and sorting say what the version holds; a row's page tells its whole story."""

from __future__ import annotations

import json
import re
import time
from html import unescape
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.workbench.serving.conftest import Asked, asked, curated, room_of, write_world
from tilth.shards.errors import UsageError
from tilth.shards.store import Store
from tilth.shards.tables import Verdict
from tilth.workbench.serving.pages.rows import snippet
from tilth.workbench.serving.search.index import index_key, open_index
from tilth.workbench.serving.search.query import Query, Searcher, matcher, read_query, scan


@pytest.fixture(scope="module")
def searcher(kept_world: Path) -> Searcher:
    store = Store.open(kept_world / ".tilth")
    return Searcher(open_index(store, store.version("desk.candidate")))


def test_every_line_of_input_is_a_line_of_the_index(searcher: Searcher) -> None:
    version, lines = searcher.index.version, searcher.index.lines
    counts = version.manifest.counts
    assert lines.height == counts["lines"]
    verdicts = dict(lines["verdict"].cast(pl.String).value_counts().iter_rows())
    assert verdicts[Verdict.KEEP] == counts["kept"] and verdicts[Verdict.DROP] == counts["dropped"]
    assert verdicts[Verdict.QUARANTINE] == counts["quarantined"]
    ledger = version.ledger()
    assert lines["path"].cast(pl.String).to_list() == ledger["source_path"].to_list()
    assert searcher.index.of_rows(searcher.index.ids).to_list() == ledger["row_id"].to_list()


@settings(max_examples=40, deadline=None)
@given(
    text=st.sampled_from(["", "lamp", "Lamp", "Nerith", "number 7", "(", "nothing like it", "desk in"]),
    how=st.sampled_from(["literal", "words", "regex"]),
    verdict=st.sampled_from(["", "keep", "drop"]),
    sort=st.sampled_from(["place", "chars", "turns", "value"]),
    descending=st.booleans(),
)
def test_a_search_finds_what_looking_at_every_row_finds(
    searcher: Searcher, text: str, how: str, verdict: str, sort: str, descending: bool
) -> None:
    if how == "regex" and text == "(":
        return
    facets = (("verdict", verdict),) if verdict else ()
    found = searcher.search(Query(text, how, facets, sort=sort, descending=descending))
    index, expected = searcher.index, []
    for at, line in enumerate(index.lines.iter_rows(named=True)):
        said = None if line["pos"] is None else index.texts[line["pos"]]
        folded = (lambda s: s) if text != text.lower() else str.lower
        if text:
            words = text.split() if how == "words" else [text]
            whole = r"\b{}\b" if how == "words" else "{}"
            pattern = [whole.format(re.escape(folded(w)) if how != "regex" else folded(w)) for w in words]
            if said is None or not all(re.search(p, folded(said)) for p in pattern):
                if how != "regex" or said is None or not re.search(text, said):
                    continue
                if how == "regex" and not re.search(text, said):
                    continue
            elif how == "regex" and not re.search(text, said):
                continue
        if verdict and line["verdict"] != verdict:
            continue
        expected.append(at)
    assert found.total == len(expected)
    if sort == "place":
        assert found.at == (expected[::-1] if descending else expected)[:50]
    else:
        values = [index.lines[sort][at] for at in found.at]
        assert None not in values and values == sorted(values, reverse=descending)
    assert sum(n for _, n in found.facets["verdict"]) == found.total


def test_facets_measures_and_tags_filter(searcher: Searcher) -> None:
    every = searcher.search(Query())
    for name, values in every.facets.items():
        for value, n in values:
            one = Query(tag=value) if name == "tag" else Query(facets=((name, value),))
            found = searcher.search(one)
            assert found.total >= n > 0 if name == "tag" else found.total == n
    name = next(m for m in searcher.index.measure_names if searcher.index.measure(m).n_unique() > 3)
    values = searcher.index.of_rows(searcher.index.measure(name)).drop_nulls()
    middle = float(values.median())  # type: ignore[arg-type]
    found = searcher.search(Query(measure=name, low=middle))
    assert found.total == int((values >= middle).sum())
    ordered = searcher.search(Query(sort=name, descending=True))
    shown = [searcher.index.measure(name)[searcher.index.lines["pos"][at]] for at in ordered.at]
    assert shown == sorted(shown, reverse=True)


@pytest.mark.parametrize(
    "params",
    [{"q": "(", "how": "regex"}, {"q": r"(a)\1", "how": "regex"}, {"q": "a{1000}{1000}{1000}", "how": "regex"},
     {"how": "magic"}, {"low": "nan"}, {"low": "many"}, {"page": "x"}, {"q": "x" * 2000}, {"sort": "secrets"},
     {"measure": "no.such", "low": "1"}],
)  # fmt: skip
def test_what_cannot_be_asked_is_said_in_words(params: dict[str, str], browser: Asked) -> None:
    answer = browser.get("/rows/desk.candidate", params=params)
    assert answer.status_code == 400 and 'role="alert"' in answer.text


def test_a_regex_that_would_take_for_ever_is_stopped() -> None:
    texts = pl.Series("text", ["a" * 500 + "b"] * 40_000)
    started = time.monotonic()
    _, searched = scan(texts, matcher(r"(a+)+(x+x+)+y|(\w+\s?){1,60}z$", "regex"), seconds=0.3)
    assert time.monotonic() - started < 30 and searched < 1


def test_a_search_that_was_stopped_says_so(browser: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    from tilth.workbench.serving.search import query

    monkeypatch.setattr(query, "scan", lambda texts, _: (np.zeros(texts.len(), dtype=bool), 0.25))
    assert "this search takes too long" in browser.get("/rows/desk.candidate", params={"q": "lamp"}).text


def test_an_index_is_made_anew_where_its_file_was_damaged(world: Path) -> None:
    store = Store.open(world / ".tilth")
    version = store.version("desk.candidate")
    before = open_index(store, version)
    texts = before.texts.to_list()
    key = index_key(version)
    for suffix in ("lines", "texts"):
        path = store.cache / f"{key}.{suffix}"
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(bytes(data))
    after = open_index(store, version)
    assert after.lines.equals(before.lines) and after.texts.to_list() == texts


def test_csv_holds_no_formula(tmp_path: Path) -> None:
    recipe = write_world(tmp_path / "world")
    row = {
        "messages": [
            {"role": "user", "content": "=HYPERLINK(1)"},
            {"role": "assistant", "content": "@SUM(1)"},
        ]
    }
    (recipe.parent / "=cmd.jsonl").write_text(json.dumps(row) + "\n")
    recipe.write_text(
        recipe.read_text().replace("  - path: rows.jsonl\n", "  - path: rows.jsonl\n  - path: '=cmd.jsonl'\n")
    )
    curated(recipe)
    text = asked(room_of(recipe.parent)).get("/rows/desk.candidate", params={"as": "csv"}).text
    assert "'=cmd.jsonl" in text
    assert not re.search(r'(^|,)"?[=+@]', text, re.MULTILINE)


def test_a_row_tells_its_whole_story(browser: Asked, world: Path) -> None:
    version = Store.open(world / ".tilth").version("desk.candidate")
    dropped = version.decisions().filter(pl.col("stage") == "empty")["row_id"][0].hex()
    page = browser.get(f"/row/desk.candidate/{dropped}").text
    for words in (
        "empty: empty_response",
        "rows.jsonl:",
        "Nobody has judged",
        "No run has seen it",
        "at least",
    ):
        assert words in unescape(page), words
    again = browser.get(f"/row/desk.candidate/{dropped}/as-read").text
    assert "as read" in again and "as rewritten" in again
    (world / "rows.jsonl").write_text("{}\n")
    assert "is no longer the file" in browser.get(f"/row/desk.candidate/{dropped}/as-read").text


def test_a_row_of_four_megabytes_is_cut_with_a_way_to_all_of_it(tmp_path: Path) -> None:
    recipe = write_world(tmp_path / "world")
    long = "word " * 800_000
    row = {"messages": [{"role": "user", "content": "Say it."}, {"role": "assistant", "content": long}]}
    with (recipe.parent / "rows.jsonl").open("a") as file:
        file.write(json.dumps(row) + "\n")
    recipe.write_text(recipe.read_text().replace("verdict: drop", "verdict: drop, max_chars: 9000000"))
    version = curated(recipe).version("desk.candidate")
    row_id = version.turns().filter(pl.col("text").str.len_chars() > 1_000_000)["row_id"][0].hex()
    browser = asked(room_of(recipe.parent))
    page = browser.get(f"/row/desk.candidate/{row_id}").text
    assert len(page) < 200_000 and "All of it, as plain text" in page
    whole = browser.get(f"/row/desk.candidate/{row_id}/1")
    assert whole.text.strip() == long.strip() and whole.headers["content-type"].startswith("text/plain")


@given(st.text(max_size=80), st.text(min_size=1, max_size=6))
@settings(max_examples=60, deadline=None)
def test_a_snippet_is_text_with_marks_and_nothing_else(text: str, wanted: str) -> None:
    said = str(snippet(text, Query(text=wanted)))
    bare = said.replace("<mark>", "").replace("</mark>", "")
    assert "<" not in bare and said.count("<mark>") == said.count("</mark>")


def test_measures_that_cannot_be_asked_for_raise(searcher: Searcher) -> None:
    with pytest.raises(UsageError):
        searcher.search(Query(sort="no.such"))
    with pytest.raises(UsageError):
        read_query({"high": "inf"})
