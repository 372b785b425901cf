from __future__ import annotations

import html
import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from tests.validators.sample_facts import comparison_facts, run_facts
from tests.validators.sample_store import PHASES, publish, tags
from tilth.validators import report
from tilth.validators.gate import CheckResult
from tilth.validators.report import (
    MAX_BYTES,
    Curated,
    comparison_page,
    data_page,
    data_report,
    read_facts,
    run_page,
)

CHECKS = [
    CheckResult("min_rows", "error", True, 700, 1),
    CheckResult("max_source_loss", "warning", False, 0.6, 0.5),
]


@pytest.fixture(scope="module")
def data_facts(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("store") / "s"
    texts = [f"What is the answer to question {i}?" for i in range(900)]
    old, new = publish(root, texts), publish(root, texts, seed=1)
    actions = comparison_facts()["actions"]
    return data_report(new, old, Curated(CHECKS, actions, phases=PHASES, tags=tags(new)))


def words(page: Path) -> str:
    """Return the page as running text."""
    body = re.sub(r"<style>.*?</style>", "", page.read_text(encoding="utf-8"), flags=re.S)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", body)))


def test_each_page_opens_with_word_reasons_and_next_command(tmp_path: Path, data_facts: Any) -> None:
    for write, facts in (
        (data_page, data_facts),
        (run_page, run_facts()),
        (comparison_page, comparison_facts()),
    ):
        page = write(tmp_path / facts["kind"], facts)
        text = words(page)
        places = [text.index(part) for part in (facts["verdict"], facts["reasons"][2], facts["next"])]
        assert places == sorted(places)
        assert page.name == "report.html" and page.stat().st_size <= MAX_BYTES
        stored = read_facts(page)
        assert [stored["verdict"], stored["reasons"], stored["next"]] == [
            facts[k] for k in ("verdict", "reasons", "next")
        ]
        assert stored == json.loads(json.dumps(facts))


def test_the_same_facts_give_the_same_bytes(tmp_path: Path, data_facts: Any) -> None:
    first, second = (data_page(tmp_path / name, data_facts).read_bytes() for name in "ab")
    assert first == second


def test_every_chart_has_a_title_and_its_numbers(tmp_path: Path, data_facts: Any) -> None:
    for write, facts in (
        (data_page, data_facts),
        (run_page, run_facts()),
        (comparison_page, comparison_facts()),
    ):
        source = write(tmp_path / facts["kind"], facts).read_text(encoding="utf-8")
        figures = re.findall(r"<figure>.*?</figure>", source, flags=re.S)
        assert figures
        for figure in figures:
            assert 'role="img"' in figure and re.search(r"<title>[^<]+</title>", figure)
            assert re.search(r"<details><summary>.*<table>.*<td", figure, flags=re.S)


def test_the_data_page_shows_each_part(tmp_path: Path, data_facts: Any) -> None:
    text = words(data_page(tmp_path, data_facts))
    c = data_facts["conservation"]
    assert (
        f"{c['lines']:,} lines in = {c['kept']:,} kept + {c['dropped']:,} dropped + {c['quarantined']:,}"
        in text
    )
    assert "max_source_loss warning" in text
    assert "language: answer_in_other_language 7" in text
    assert "undo tilth rollback support-tuning" in text and "go back tilth rollback demo" in text
    example = next(r for r in data_facts["taken"] if r["reason"] == "near_duplicate")["examples"][0]
    assert example["row"] in text and example["place"] in text


def test_a_failed_check_is_plain_to_see(tmp_path: Path, data_facts: Any) -> None:
    facts = {**data_facts, "verdict": "DO NOT USE"}
    facts["checks"] = [{**data_facts["checks"][0], "passed": False, "note": "'kept' is missing"}]
    page = data_page(tmp_path, facts)  # type: ignore[arg-type]
    assert '<header class="refuse">' in page.read_text() and "min_rows 'kept' is missing failed" in words(
        page
    )


def test_a_run_without_tasks_says_so(tmp_path: Path) -> None:
    bare = run_facts(
        tasks=[], curves=[], rate={"step": [], "rate": []}, monitors=[], retention=None, samples=[]
    )
    text = words(run_page(tmp_path, bare))
    for sentence in (
        "judged on loss only",
        "No monitor ran",
        "names no base_knowledge",
        "No answers were generated",
        "the run was not watched",
    ):
        assert sentence in text


def test_no_difference_shown_is_said_in_words(tmp_path: Path) -> None:
    text = words(comparison_page(tmp_path, comparison_facts()))
    assert "Did the second version help? No difference shown. The interval" in text
    said = "No difference shown: one seed says nothing."
    text = words(comparison_page(tmp_path, comparison_facts(sentence=said)))
    assert f"Did the second version help? {said}" in text


def test_differences_from_the_base_have_a_scale_of_their_own(tmp_path: Path) -> None:
    text = words(comparison_page(tmp_path, comparison_facts()))
    titles = [f"Paired differences, {unit}" for unit in ("nat/token", "exact")]
    titles += [f"Against the base, {unit}" for unit in ("nat/token", "exact")]
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    assert "child - base" not in text[places[0] : places[2]]


def test_numbers_that_are_none_do_not_stop_a_page(tmp_path: Path) -> None:
    facts = run_facts()
    facts["slices"][0]["tuned"] = {"value": math.nan, "low": None, "high": None}
    facts["curves"][0]["probe"] = [math.nan] * len(facts["curves"][0]["step"])
    page = run_page(tmp_path, facts)
    assert read_facts(page)["slices"][0]["tuned"]["value"] is None
    assert "nan" not in words(page).split()


def test_a_fact_left_out_is_an_error_not_an_empty_page(tmp_path: Path) -> None:
    facts: Any = run_facts()
    del facts["monitors"]
    with pytest.raises(Exception, match="monitors"):
        run_page(tmp_path, facts)
    assert list(tmp_path.iterdir()) == []


def test_huge_facts_still_fit_and_say_what_is_left_out(tmp_path: Path) -> None:
    facts: Any = run_facts()
    long = "日<&" * 400
    facts["samples"] = [{**facts["samples"][0], "prompt": long, "base": long, "tuned": long}] * 500
    facts["curves"] = [{**facts["curves"][0], "slice": f"slice {i} {long}"} for i in range(200)]
    facts["slices"] = [{**facts["slices"][0], "slice": f"slice {i} {long}"} for i in range(2000)]
    facts["monitors"] = [{**facts["monitors"][0], "evidence": long}] * 5000
    facts["reasons"] = [long * 50] * 3
    page = run_page(tmp_path, facts)
    assert page.stat().st_size <= MAX_BYTES
    assert re.search(r"4,9\d\d more in report.json", words(page))


def test_findings_stand_before_what_found_nothing(tmp_path: Path) -> None:
    facts = run_facts()
    page = report.run_page(tmp_path, facts).read_text()
    quiet = page.index("that found nothing")
    said = [line for line in facts["monitors"] if line["evidence"]]
    assert {line["triggered"] for line in said} == {True, False}
    for line in said:
        assert (page.index(html.escape(line["evidence"], quote=False)) < quiet) == line["triggered"]


def test_the_first_screen_says_what_got_better_and_worse_in_words(tmp_path: Path) -> None:
    facts = run_facts()
    facts["tasks"][1]["change"] = {"value": -0.05, "low": -0.09, "high": -0.01}
    page = report.run_page(tmp_path, facts).read_text()
    head = page[: page.index("<main>")]
    assert ">Better</b> tickets" in head
    assert ">Worse</b> tool calls" in head
    assert "of what was missing" in head


def test_answers_can_be_filtered_to_regressions(tmp_path: Path) -> None:
    line = {"task": "t", "line": 1, "slice": "", "messages": [], "expected": "x", "few_shot": None}
    worse = line | {"base": "x", "tuned": "y", "scores": {"base": 1.0, "tuned": 0.0}}
    unscored = line | {"base": "x", "tuned": "y", "scores": {"base": None, "tuned": None}}
    page = report.answers_page(tmp_path, [worse, unscored]).read_text()
    assert page.count('<article class="worse">') == 1
    assert 'id="worse"' in page
