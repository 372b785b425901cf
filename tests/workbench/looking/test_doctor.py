"""tilth doctor: a health page of any file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tilth.curation.run.checkup import examine
from tilth.validators.report import read_facts
from tilth.workbench.commands.tilth import main
from tilth.workbench.looking.doctor import facts_of, write_health_page

WORDS = [
    "the",
    "river",
    "bends",
    "past",
    "old",
    "mills",
    "before",
    "it",
    "meets",
    "sea",
    "near",
    "town",
    "brick",
]


def write(path: Path, lines: list[str]) -> Path:
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def row(number: int, **changes: object) -> str:
    said = " ".join(WORDS[(number * 7 + k * (number % 5 + 1)) % len(WORDS)] for k in range(12))
    values = {
        "prompt": f"Question {number}: what is said of {said}?",
        "response": f"Answer {number}: {said}.",
    }
    return json.dumps({**values, "topic": "ab"[number % 2], "thread": f"t{number // 3}", **changes})


@pytest.fixture
def sick(tmp_path: Path) -> Path:
    lines = [row(n) for n in range(240)]
    lines += [row(3), row(4), "{not json", '{"prompt": "no answer"}', row(500, response="  ")]
    lines += [row(501, response="Write to bob.smith@northwind-mills.org today.")]
    return write(tmp_path / "sick.jsonl", lines)


def test_the_page_says_what_is_wrong(sick: Path, tmp_path: Path) -> None:
    before = sick.read_bytes()
    done = CliRunner().invoke(main, ["doctor", str(sick), "--out", str(tmp_path / "page")])
    assert done.exit_code == 0, done.output
    facts = read_facts(tmp_path / "page" / "report.html")
    assert facts["verdict"] == "USE"
    assert facts["lines"] == {"read": 246, "rows": 242, "repeated": 2, "unreadable": 2}
    assert {(u["reason"], u["lines"]) for u in facts["unreadable"]} == {
        ("invalid_json", 1),
        ("missing_field", 1),
    }
    assert facts["unreadable"][0]["first"].endswith("sick.jsonl:243")
    assert ("empty", "drop", 1) in {(f["stage"], f["verdict"], f["rows"]) for f in facts["findings"]}
    assert facts["private"] == {"email": 1}
    columns = {c["name"]: c for c in facts["columns"]}
    assert columns["topic"]["distinct"] == 2 and columns["thread"]["distinct"] > 20
    advised = [a["write"] for a in facts["advice"]]
    assert any(a.startswith("group: thread") for a in advised)
    assert "curation: {slice_by: [topic]}" in advised
    page = (tmp_path / "page" / "report.html").read_text("utf-8")
    assert "bob.smith" not in page and "<script" not in page
    assert sick.read_bytes() == before and "invalid_json" in done.output


def test_a_sample_is_judged_where_there_are_many_rows(sick: Path, tmp_path: Path) -> None:
    few, again = (facts_of(sick, examine(sick, tmp_path / name, max_rows=50), {}) for name in "ab")
    assert few["judged"] == 50 and few["lines"]["rows"] == 242
    assert few == again
    assert "a sample of 242" in few["reasons"][1]


@pytest.mark.parametrize(
    ("lines", "word"),
    [
        ([row(n) for n in range(20)], "NOT ENOUGH EVIDENCE"),
        ([row(n) for n in range(200)] + ["?"] * 20, "DO NOT USE"),
    ],
)
def test_the_word(lines: list[str], word: str, tmp_path: Path) -> None:
    path = write(tmp_path / "f.jsonl", lines)
    assert facts_of(path, examine(path, tmp_path / "s"), {})["verdict"] == word


@pytest.mark.parametrize("lines", [["{}"], ["?", "?"]])
def test_a_file_without_rows_is_refused_in_words(lines: list[str], tmp_path: Path) -> None:
    path = write(tmp_path / "f.jsonl", lines)
    done = CliRunner().invoke(main, ["doctor", str(path), "--out", str(tmp_path / "page")])
    assert done.exit_code in (1, 2) and "Traceback" not in done.output and "f.jsonl" in done.output


def test_advice_is_tried_and_quotes_names(tmp_path: Path) -> None:
    rows = [
        {
            "prompt": f"Where is {n}?",
            "response": f"On shelf {n}.",
            "source": "ab"[n % 2],
            "z: kind": "xy"[n % 2],
        }
        for n in range(40)
    ]
    data = tmp_path / "a b.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    facts, _ = write_health_page(data, tmp_path / "page")
    assert 'curation: {slice_by: ["z: kind"]}' in [advice["write"] for advice in facts["advice"]]
    assert facts["next"].endswith(f"init '{data}'")
