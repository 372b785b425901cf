"""Semantic duplicates: every witness is kept, no pair within the bound is left, vectors come from words or a file."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.row_frames import ListedTexts, make_rows, shingles
from tilth.curation.dedup.near import Dedup
from tilth.curation.dedup.semantic import to_vectors
from tilth.curation.recipe import parse
from tilth.curation.similarity import marks
from tilth.curation.similarity.sets import in_place
from tilth.shards.errors import RecipeError, SourceError


def are_siblings(a: tuple[str, str], b: tuple[str, str]) -> bool:
    found = marks.marks(pl.Series([a[0], b[0]]), pl.Series([a[1], b[1]]))
    return bool(marks.are_siblings(0, 1, tuple(in_place(found)[0])))


WORDS = [f"w{i}" for i in range(30)] + ["7", "12", "2024"]
Row = tuple[str, str]


@st.composite
def families(draw: st.DrawFn) -> list[Row]:
    """Rows that say what a few others say, words moved, replaced or added."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    bases = [[rng.choices(WORDS, k=rng.choice((0, 1, 3, 8, 30))) for _ in range(2)] for _ in range(3)]
    rows = []
    for _ in range(draw(st.integers(1, 40))):
        said = [list(field) for field in rng.choice(bases)]
        for field in said:
            if field and rng.random() < 0.5:
                field.insert(rng.randrange(len(field)), field.pop())
            if field and rng.random() < 0.3:
                field[rng.randrange(len(field))] = rng.choice(WORDS)
        rows.append((" ".join(said[0]), " ".join(said[1])))
    return rows


def cosine(a: Any, b: Any) -> float:
    a, b = np.asarray(a, np.float64), np.asarray(b, np.float64)
    length = np.sqrt((a @ a) * (b @ b))
    return float(a @ b / length) if length else 0.0


def run(stage: Dedup, rows: list[Row]) -> tuple[pl.DataFrame, ListedTexts, pl.DataFrame, pl.DataFrame]:
    frame, texts = make_rows(rows, split=["train"] * len(rows))
    evidence = stage.evidence(frame, texts)
    return frame, texts, evidence, stage.decide(frame, evidence)


@settings(deadline=None, max_examples=40)
@given(families(), st.sampled_from((0.6, 0.8, 0.95)), st.sampled_from((None, 0.8)))
def test_drops_are_exactly_what_kept_rows_account_for(
    rows: list[Row], bound: float, near: float | None
) -> None:
    stage = Dedup(near_jaccard=near, semantic=bound, max_cluster=1.0)
    frame, texts, evidence, found = run(stage, rows)
    made = to_vectors(evidence, pl.Series(range(frame.height)))
    vectors = dict(zip(evidence["row_id"], zip(made.prompt[made.places], made.response[made.places])))
    kept = set(frame["row_id"]) - set(found["row_id"])

    def alike(a: bytes, b: bytes) -> float:
        said = []
        for field in (0, 1):
            x, y = (shingles(texts._said[key][field]) for key in (a, b))
            exact = min(len(x), len(y)) < 2
            said.append(float(x == y) if exact else cosine(vectors[a][field], vectors[b][field]))
        return min(said)

    for row in found.iter_rows(named=True):
        assert row["witness_id"] in kept
        if row["reason"] == "semantic_duplicate":
            assert row["value"] == pytest.approx(alike(row["row_id"], row["witness_id"]))
            assert row["value"] >= row["threshold"] == bound
            assert not are_siblings(texts._said[row["row_id"]], texts._said[row["witness_id"]])
    for a in kept:
        for b in kept - {a}:
            assert alike(a, b) < bound or are_siblings(texts._said[a], texts._said[b])


@settings(deadline=None, max_examples=10)
@given(families(), st.integers(0, 1000))
def test_the_order_of_the_rows_does_not_matter(rows: list[Row], seed: int) -> None:
    stage = Dedup(semantic=0.8, max_cluster=1.0)
    frame, texts, _, expected = run(stage, rows)
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=seed)
    assert stage.decide(shuffled, stage.evidence(shuffled, texts)).equals(expected)


def test_the_same_thing_said_in_another_order_is_found_and_another_thing_is_not() -> None:
    rows = [
        ("Could you please tell me the height of Mount Everest", "Mount Everest is 8,849 metres high as of now"),
        ("Please could you tell me the height of Mount Everest", "As of now Mount Everest is 8,849 metres high"),
        ("Could you please tell me the height of Mount Kilimanjaro", "Kilimanjaro is 5,895 metres high as of now"),
        *((f"what is topic {i} of chapter {i * 7} about", f"it treats matter {i * i} at length") for i in range(40)),
    ]  # fmt: skip
    found = run(Dedup(semantic=0.8), rows)[3]
    assert found["reason"].to_list() == ["semantic_duplicate"]
    assert run(Dedup(semantic=None), rows)[3].is_empty()


def test_short_texts_are_alike_only_if_they_are_equal() -> None:
    rows = [("2 + 2", "what a question"), ("2 - 2", "what a question"), ("2 / 2", "WHAT a question")]
    assert run(Dedup(semantic=0.5, siblings="drop"), rows)[3].is_empty()


def write_embeddings(path: Path, frame: pl.DataFrame, vectors: np.ndarray) -> str:
    pl.DataFrame({"text_digest": frame["text_digest"], "prompt": vectors, "response": vectors}).write_parquet(
        path
    )
    return str(path)


def test_a_file_of_embeddings_takes_the_place_of_words(tmp_path: Path) -> None:
    rows = [(f"question {name} asks for a thing", f"answer {name} gives it to all") for name in "abcdef"]
    frame, texts = make_rows(rows, split=["train"] * 6)
    frame = frame.with_columns(text_digest=frame["row_id"] + frame["row_id"])
    vectors = np.eye(6, 8, dtype=np.float32)
    vectors[1] = vectors[0] * 3 + vectors[5] * 0.2
    path = write_embeddings(tmp_path / "e.parquet", frame[:5], vectors[:5])
    stage = Dedup(semantic=0.95, embeddings=path, near_jaccard=None)
    found = stage.decide(frame, stage.evidence(frame, texts))
    assert set(found["row_id"]) | set(found["witness_id"]) == set(frame["row_id"][:2])
    assert found["value"].item() == pytest.approx(cosine(vectors[0], vectors[1]), abs=1e-4)


def test_a_row_that_the_file_does_not_hold_is_like_no_other(tmp_path: Path) -> None:
    frame, texts = make_rows([("one a b c d e", "x"), ("two a b c d e", "x")], split=["train"] * 2)
    frame = frame.with_columns(text_digest=frame["row_id"])
    path = write_embeddings(tmp_path / "e.parquet", frame[:1], np.ones((1, 4), np.float32))
    stage = Dedup(semantic=0.1, embeddings=path, near_jaccard=None)
    assert stage.decide(frame, stage.evidence(frame, texts)).is_empty()


def test_what_is_no_file_of_embeddings_is_refused(tmp_path: Path) -> None:
    frame, texts = make_rows([("a", "b")], split=["train"])
    lists = pl.DataFrame({"text_digest": [b""], "prompt": [[1.0]], "response": [[1.0]]})
    lists.write_parquet(tmp_path / "lists.parquet")
    (tmp_path / "text.parquet").write_text("no")
    words = {name: "cannot be read as embeddings" for name in ("lists.parquet", "text.parquet")}
    words["gone.parquet"] = "no such file.*embeddings=null, then: train embed"  # it may be to come
    for name, said in words.items():
        with pytest.raises(SourceError, match=said):
            Dedup(semantic=0.9, embeddings=str(tmp_path / name)).evidence(frame, texts)


def test_the_recipe_takes_null_and_a_bound(tmp_path: Path) -> None:
    def dedup(value: Any) -> Any:
        stages = parse({"dedup": {"near_jaccard": 0.8, "semantic": value}}, tmp_path).stages
        return next(stage for stage in stages if isinstance(stage, Dedup))

    assert dedup(None).semantic is None
    assert dedup(0.95).semantic == 0.95
    with pytest.raises(RecipeError):
        dedup("high")
