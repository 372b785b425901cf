"""tilth find: the text itself, one like it, and nothing else; by an index that datasketch would make."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from datasketch import MinHashLSH

from tests.faults.decided import ALONE, curated, write_lines
from tests.workbench.conftest import Done
from tilth.curation.dedup import bands
from tilth.curation.dedup.signatures import signatures, to_datasketch
from tilth.shards.store import Store

Run = Callable[..., Done]
RNG = random.Random(5)
TEXTS = [" ".join(f"w{RNG.randrange(5000)}" for _ in range(80)) for _ in range(60)]


def changed(text: str, words: int) -> str:
    """Return a text with some words in a row exchanged, which leaves the shingles of all others as they are."""
    parts = text.split()
    return " ".join([*parts[:10], *(f"new{n}" for n in range(words)), *parts[10 + words :]])


def test_bands_are_those_that_meet_the_recall() -> None:
    for jaccard in (0.5, 0.7, 0.8, 0.9, 0.95, 1.0):
        count, rows = bands.bands_of(jaccard)
        assert count * rows <= bands.MAX_PERMUTATIONS and 1 - (1 - jaccard**rows) ** count >= bands.MIN_RECALL
    with pytest.raises(ValueError):
        bands.bands_of(0.0)


def test_candidates_are_those_of_datasketch() -> None:
    texts = pl.Series([*TEXTS, *(changed(text, 6) for text in TEXTS[:20]), "", "one"])
    count, rows = bands.bands_of(0.8)
    made = signatures(texts, permutations=count * rows)
    theirs = MinHashLSH(num_perm=count * rows, params=(count, rows))
    for number, values in enumerate(made):
        if texts[number]:
            theirs.insert(number, to_datasketch(values))
    index = bands.index_of(texts, count, rows)
    for number, found in enumerate(bands.candidates(index, bands.keys(texts, count, rows))):
        expected = theirs.query(to_datasketch(made[number])) if texts[number] else []
        assert found.tolist() == sorted(expected)


def test_pairs_at_the_bound_are_found() -> None:
    """Of 2,000 pairs of a similarity just above .8, at least 98.5 in a hundred: the recall asked for is .99."""
    rng = np.random.default_rng(1)
    texts = pl.Series([" ".join(f"w{n}" for n in rng.integers(0, 1 << 30, 104)) for _ in range(2000)])
    near = pl.Series([changed(text, 7) for text in texts])  # 11 of 100 shingles differ: J = 89 / 111 = .802
    shape = bands.bands_of(0.8)
    found = bands.candidates(bands.index_of(texts, *shape), bands.keys(near, *shape))
    assert np.mean([number in entries for number, entries in enumerate(found)]) >= 0.985


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"Tell me about {n}"},
                {"role": "assistant", "content": text},
            ]
        }
        for n, text in enumerate(TEXTS)
    ]
    source = write_lines(tmp_path_factory.mktemp("find") / "rows.jsonl", rows)
    curated(source, ALONE)
    return source.with_name("store")


def test_a_text_and_one_like_it_are_found_with_their_place(run: Run, store: Path) -> None:
    for text, similarity in ((TEXTS[7], 1.0), (changed(TEXTS[7], 3), None)):
        found = run("tilth", "find", text, "--store", store, "--json")
        (line,) = found.json["rows"]
        assert (line["source_path"], line["line"], line["field"]) == ("rows.jsonl", 8, "response")
        assert line["similarity"] == similarity or 0.8 <= line["similarity"] < 1
    shown = run("tilth", "find", TEXTS[7], "--store", store)
    assert "1.00" in shown.out and "rows.jsonl:8" in shown.out and "1 of 1 texts are in t " in shown.out


def test_what_is_not_there_is_not_found(run: Run, store: Path) -> None:
    for text in (changed(TEXTS[7], 40), "Tell me about 7!", "something else"):
        found = run("tilth", "find", text, "--store", store)
        assert found.code == 1 and "nothing like it" in found.out, text
    assert run("tilth", "find", "...", "--store", store).code == 2


def test_the_rows_of_a_file_are_looked_for(run: Run, store: Path, tmp_path: Path) -> None:
    rows = [
        {"prompt": "Tell me about 3", "response": TEXTS[3]},
        {"prompt": "What?", "response": "nothing of it"},
    ]
    (tmp_path / "leaks.jsonl").write_text("".join(json.dumps(r) + "\n" for r in rows))
    found = run("tilth", "find", tmp_path / "leaks.jsonl", "--store", store, "--json").json
    assert found["texts"] == 4 and {line["field"] for line in found["rows"]} == {"prompt", "response"}
    assert all(line["asked"].startswith(f"{tmp_path / 'leaks.jsonl'}:1 ") for line in found["rows"])


def test_a_damaged_index_is_made_again(run: Run, store: Path) -> None:
    run("tilth", "find", TEXTS[1], "--store", store)
    for path in Store.open(store).cache.glob("index-*.arrow"):
        path.write_bytes(path.read_bytes()[:-9] + b"x" * 9)
    assert len(run("tilth", "find", TEXTS[1], "--store", store, "--json").json["rows"]) == 1
