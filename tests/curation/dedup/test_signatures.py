"""Signatures equal datasketch's, value for value, and its indexes serve."""

from __future__ import annotations

import random

import numpy as np
import polars as pl
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.row_frames import words
from tilth.curation.dedup.signatures import (
    Scheme,
    from_datasketch,
    shingle_bytes,
    signatures,
    similarity,
    to_datasketch,
)

TEXTS = [
    "one two three four five six seven",
    "Grüße, from Köln! again and again",
    "x",
    "",
    "...",
    "天气 很好 a b",
]
LONG = " ".join(f"a_rather_long_word_{i}" * 9 for i in range(20))


def sketch(text: str, scheme: Scheme, permutations: int = 128, seed: int = 1) -> MinHash:
    made = MinHash(permutations, seed, scheme=scheme)
    made.update_batch(shingle_bytes(text))
    return made


@pytest.mark.parametrize("scheme", ["affine32", "legacy"])
def test_signatures_are_those_of_datasketch(scheme: Scheme) -> None:
    texts = [*TEXTS, LONG]
    found = signatures(pl.Series(texts), scheme=scheme)
    for text, signature in zip(texts, found):
        assert signature.tolist() == sketch(text, scheme).hashvalues.tolist()
    other = signatures(pl.Series(texts), permutations=32, seed=7, scheme=scheme)
    assert other[0].tolist() == sketch(texts[0], scheme, 32, 7).hashvalues.tolist()


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="abÉ 7_.\n-", max_size=200))
def test_any_text_has_the_signature_of_datasketch(text: str) -> None:
    tokens = words(text)
    runs = [" ".join(tokens[i : i + 5]).encode() for i in range(max(1, len(tokens) - 4))] if tokens else []
    assert shingle_bytes(text) == runs
    assert signatures(pl.Series([text]), permutations=16)[0].tolist() == (
        sketch(text, "affine32", 16).hashvalues.tolist()
    )


def test_an_index_of_datasketch_serves() -> None:
    rng = random.Random(1)
    known = [" ".join(f"word{rng.randrange(500)}" for _ in range(80)) for _ in range(50)]
    index = MinHashLSH(params=(32, 4), num_perm=128)
    for place, text in enumerate(known):
        index.insert(place, sketch(text, "affine32"))
    new = pl.Series([known[7].replace("word1", "word2", 1), "nothing like it at all, and short"])
    found = [index.query(to_datasketch(signature)) for signature in signatures(new)]
    assert found == [[7], []]
    index.insert("new", to_datasketch(signatures(new)[1]))
    assert index.query(sketch(new[1], "affine32")) == ["new"]


def test_signatures_go_to_datasketch_and_back() -> None:
    ours = signatures(pl.Series(TEXTS))
    for signature in ours:
        assert (from_datasketch(to_datasketch(signature)) == signature).all()
    theirs = np.array([from_datasketch(sketch(text, "affine32")) for text in TEXTS])
    assert similarity(ours, theirs).tolist() == [1.0] * len(TEXTS)
    assert similarity(ours[0], ours[1]) == sketch(TEXTS[0], "affine32").jaccard(sketch(TEXTS[1], "affine32"))


def test_of_nothing_there_are_none() -> None:
    assert signatures(pl.Series([], dtype=pl.String)).shape == (0, 128)
