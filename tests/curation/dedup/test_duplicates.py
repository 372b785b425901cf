"""The functions for notebooks agree with their definition and with the stage."""

from __future__ import annotations

import doctest
import random
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from tests.row_frames import jaccard, make_rows, shingles
from tilth.curation.dedup import duplicates, near_duplicates, semantic_duplicates
from tilth.curation.dedup.near import Dedup


def edited(n: int) -> list[str]:
    rng = random.Random(3)
    bases = [[f"word{rng.randrange(2000)}" for _ in range(60)] for _ in range(n // 4)]
    out = []
    for _ in range(n):
        words = list(rng.choice(bases))
        for _ in range(rng.choice((0, 1, 2, 4))):
            words[rng.randrange(60)] = f"word{rng.randrange(2000)}"
        out.append(" ".join(words))
    return out


def test_every_repeat_has_an_earlier_witness_and_none_is_left() -> None:
    texts = edited(300)
    sets = [shingles(text) for text in texts]
    found = near_duplicates(pl.Series(texts), jaccard=0.7)
    repeats = set(found["index"])
    assert 50 < len(repeats) < 300
    for index, witness, similarity in found.iter_rows():
        assert witness < index
        assert witness not in repeats
        assert similarity == pytest.approx(jaccard(sets[index], sets[witness])) and similarity >= 0.7
    kept = [i for i in range(300) if i not in repeats]
    assert all(jaccard(sets[a], sets[b]) < 0.7 for a in kept for b in kept if a < b)


def test_prompts_and_responses_must_both_be_similar() -> None:
    prompts = pl.Series(["where is my parcel, it was due on Monday"] * 3)
    responses = pl.Series(["at the depot", "at the depot", "with your neighbour"])
    assert near_duplicates(prompts, responses).rows() == [(1, 0, 1.0)]
    assert near_duplicates(prompts)["index"].to_list() == [1, 2]


def test_as_many_as_the_stage_finds() -> None:
    texts = sorted(set(edited(300)))
    frame, listed = make_rows([("", text) for text in texts], split=["train"] * len(texts))
    stage = Dedup(max_cluster=1.0)
    order = stage.evidence(frame, listed).sort(
        pl.col("response").list.len(), "row_id", descending=[True, False]
    )
    said = pl.Series([listed._said[key][1] for key in order["row_id"]])
    staged = stage.decide(frame, stage.evidence(frame, listed))
    assert {order["row_id"][i] for i in near_duplicates(said)["index"]} == set(staged["row_id"])


def test_vectors_of_an_encoder_can_be_given() -> None:
    texts = pl.Series([f"text number {name} says its own thing" for name in "abcd"])
    vectors = np.array([[1, 0, 0, 0], [0, 1, 0, 0], [1, 0.1, 0, 0], [0, 0, 1, 0]])
    assert semantic_duplicates(texts, vectors=vectors)["witness"].to_list() == [0]
    assert semantic_duplicates(texts, texts, vectors=vectors, response_vectors=np.eye(4)).is_empty()


def test_nothing_repeats_nothing() -> None:
    empty = pl.Series([], dtype=pl.String)
    assert near_duplicates(empty).is_empty()
    assert semantic_duplicates(empty).is_empty()


def test_the_examples_hold() -> None:
    assert doctest.testmod(duplicates, extraglobs={"pl": pl}).failed == 0


def test_importing_them_compiles_nothing() -> None:
    code = "import sys, tilth.curation.dedup; assert not {'numba', 'scipy', 'torch'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
