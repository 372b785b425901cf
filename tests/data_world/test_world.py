"""The bundled sample is what its generator makes, and its defects are where the truth says."""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from functools import cache
from pathlib import Path

import pytest
import zstandard

from tilth.data.making import world
from tilth.data.making.defects import COUNTS, MANY_COPIES, NEAR_COPY_JACCARD, WRONG_ANSWER_RATE
from tilth.data.making.distinct import LEAK_COVERAGE, HeldOut, Index, jaccard, shingles
from tilth.data.making.source_files import CARDS, CONVERSATIONS, QUESTIONS
from tilth.data.making.tasks import RULE_SLICES

DATA = world.HERE
MAX_DATA_BYTES, MAX_SOURCE_BYTES = 8 << 20, int(2.5 * (1 << 20))
ADDED = ("exact_copy", "near_copy", "conflict", "contamination", "malformed")


@cache
def built() -> dict[str, bytes]:
    return world.build()


@cache
def truth() -> list[dict]:
    return [json.loads(line) for line in world.TRUTH.read_bytes().splitlines()]


def of_kind(kind: str) -> list[dict]:
    return [t for t in truth() if t["kind"] == kind]


def plain(name: str, data: bytes) -> bytes:
    """Undo the compression, whose bytes may differ between versions of zstandard."""
    return zstandard.ZstdDecompressor().decompress(data) if name.endswith(".zst") else data


@cache
def lines(source: str) -> list[bytes]:
    """Return the raw lines of a JSONL source; line n is at n - 1."""
    return plain(source, (DATA / "sources" / source).read_bytes()).split(b"\n")


@cache
def records(source: str) -> list[dict]:
    """Return the records of the CSV source; record n is at n - 1."""
    return list(csv.DictReader(io.StringIO((DATA / "sources" / source).read_text())))


def turns(source: str, line: int) -> list[tuple[str, str]]:
    """Return role and text of every turn of a row."""
    if source == CARDS:
        card = records(source)[line - 1]
        return [("user", f"{card['instruction']}\n\n{card['input']}"), ("assistant", card["output"])]
    record = json.loads(lines(source)[line - 1])
    if source == QUESTIONS:
        return [("user", record["question"]), ("assistant", record["answer"])]
    return [(m["role"], m["content"] or "") for m in record["messages"]]


def prompt(source: str, line: int) -> str:
    return "\n".join(text for _, text in turns(source, line)[:-1])


def answer(source: str, line: int) -> str:
    return turns(source, line)[-1][1]


def clean() -> list[tuple[str, int]]:
    planted = {(t["source"], t["line"]) for t in truth()}
    counts = {s: len(lines(s)) for s in (CONVERSATIONS, QUESTIONS)} | {CARDS: len(records(CARDS))}
    places = [(s, n) for s, count in counts.items() for n in range(1, count + 1)]
    return [p for p in places if p not in planted and (p[0] == CARDS or lines(p[0])[p[1] - 1])]


@pytest.mark.parametrize("name", sorted(built()))
def test_generator_makes_the_committed_files(name: str) -> None:
    path = world.TRUTH if name == "truth" else DATA / name
    assert plain(name, path.read_bytes()) == plain(name, built()[name])


def test_every_line_is_clean_or_planted_once() -> None:
    places = [(t["source"], t["line"]) for t in truth()]
    assert len(places) == len(set(places))
    assert len(clean()) == sum(world.ROWS.values()) - sum(t["kind"] not in ADDED for t in truth())


def test_counts_are_as_documented() -> None:
    counts = Counter(t["kind"] for t in truth())
    for kind in ("wrong_language", "truncated", "template", "pii", "roles", "empty", "echo", "near_copy"):
        assert counts[kind] == COUNTS[kind]
    assert counts["exact_copy"] == COUNTS["exact_copy"] + MANY_COPIES * COUNTS["exact_copy_many"]
    assert counts["contamination"] == COUNTS["contamination"] + COUNTS["contamination_edited"]
    by_slice = Counter(t["fields"]["slice"] for t in of_kind("wrong_answer"))
    assert by_slice == {name: round(WRONG_ANSWER_RATE * world.ROWS[name]) for name in RULE_SLICES}
    assert counts["wrong_rule"] >= 40
    kinds = {"bad_json", "bad_utf8", "duplicate_key", "wrong_type", "blank", "cut_tail"}
    assert {t["fields"]["variant"] for t in of_kind("malformed")} == kinds


def test_slices_have_the_documented_sizes() -> None:
    sizes = Counter(
        (json.loads(lines(s)[n - 1]) if s != CARDS else records(s)[n - 1])["slice"] for s, n in clean()
    )
    for t in truth():
        if t["kind"] not in ADDED:
            sizes[t["fields"]["slice"]] += 1
    assert sizes == world.ROWS


@pytest.mark.parametrize("kind", ["wrong_answer", "wrong_rule", "conflict", "wrong_language"])
def test_wrong_answers_differ_from_the_right_one(kind: str) -> None:
    for t in of_kind(kind):
        assert answer(t["source"], t["line"]) != t["fields"]["right"]


def test_copies_repeat_their_original() -> None:
    for t in of_kind("exact_copy"):
        original = t["fields"]["of_source"], t["fields"]["of_line"]
        assert turns(t["source"], t["line"]) == turns(*original)
    for t in of_kind("near_copy"):
        original = t["fields"]["of_source"], t["fields"]["of_line"]
        both = [shingles(prompt(*place), 5) for place in ((t["source"], t["line"]), original)]
        assert NEAR_COPY_JACCARD <= jaccard(*both) < 1
        assert answer(t["source"], t["line"]) == answer(*original)


def test_defects_are_visible_where_the_truth_says() -> None:
    for t in of_kind("template"):
        assert t["fields"]["mark"] in answer(t["source"], t["line"])
    for t in of_kind("pii"):
        assert t["fields"]["value"] in turns(t["source"], t["line"])[0][1]
    for t in of_kind("empty"):
        assert not answer(t["source"], t["line"]).strip()
    for t in of_kind("echo"):
        assert answer(t["source"], t["line"]) == prompt(t["source"], t["line"])


def test_malformed_lines_cannot_be_read() -> None:
    for t in of_kind("malformed"):
        line, variant = lines(t["source"])[t["line"] - 1], t["fields"]["variant"]
        if variant == "bad_utf8":
            with pytest.raises(UnicodeDecodeError):
                line.decode()
        elif variant in ("bad_json", "cut_tail", "blank"):
            with pytest.raises(json.JSONDecodeError):
                json.loads(line)
        elif variant == "duplicate_key":
            keys = [key for key, _ in json.loads(line, object_pairs_hook=list)]
            assert len(keys) > len(set(keys))
        else:
            record = json.loads(line)
            assert 7 in (record.get("messages"), record.get("question"))


def test_planted_ibans_and_cards_have_valid_checksums() -> None:
    for t in of_kind("pii"):
        value = t["fields"]["value"].replace(" ", "")
        if t["fields"]["type"] == "iban":
            assert int("".join(str(int(c, 36)) for c in value[4:] + value[:4])) % 97 == 1
        elif t["fields"]["type"] == "card":
            figures = [int(c) * (2 if i % 2 == 0 else 1) for i, c in enumerate(value)]
            assert sum(f - 9 if f > 9 else f for f in figures) % 10 == 0


def held_out() -> list[str]:
    files = [DATA / "evals" / f"{name}.jsonl" for name in ("desk_tasks", "tool_calls")]
    items = [json.loads(line) for path in files for line in path.read_text().splitlines()]
    return [item["messages"][0]["content"] for item in items]


def test_contamination_holds_a_held_out_question() -> None:
    items = {re.sub(r"\s+", " ", text) for text in held_out()}
    for t in of_kind("contamination"):
        text = prompt(t["source"], t["line"])
        if t["fields"]["variant"] == "verbatim":
            assert text in items
        else:
            assert any(item in text for item in items)


def test_clean_rows_are_apart_from_each_other_and_from_the_held_out_items() -> None:
    near, leak = Index(5), HeldOut()
    for item in held_out():
        leak.add(item)
    close = 0
    for place in clean():
        text = "\n".join(t for role, t in turns(*place) if role == "user")
        close += any(shared / union >= 0.8 for shared, union in near.shared(text))
        assert leak.coverage(text) <= LEAK_COVERAGE
        near.add(text)
    assert close == 0


def test_sizes_stay_small() -> None:
    def size(folder: Path) -> int:
        return sum(
            p.stat().st_size for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts
        )

    assert size(DATA / "sources") <= MAX_SOURCE_BYTES
    assert size(DATA) <= MAX_DATA_BYTES
