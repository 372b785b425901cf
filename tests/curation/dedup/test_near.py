"""Near duplicates: every drop has a kept witness, no pair is missed, order does not matter."""

from __future__ import annotations

import random
import time

import polars as pl
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.row_frames import ListedTexts, jaccard, make_rows, shingles
from tilth.curation.dedup.near import Dedup
from tilth.shards.errors import TilthError
from tilth.shards.tables import TURNS

WORDS = [f"w{i}" for i in range(40)]
SPLITS = ("train", "train", "train", "feedback", "promotion", "final")
Row = tuple[str, str]


@st.composite
def families(draw: st.DrawFn) -> list[tuple[Row, str]]:
    """Rows that are edits of a few others, each with a split."""
    rng = random.Random(draw(st.integers(0, 2**32)))
    bases = [[rng.choices(WORDS, k=rng.choice((2, 4, 6, 20, 60))) for _ in range(2)] for _ in range(4)]
    rows = []
    for _ in range(draw(st.integers(1, 40))):
        said = [list(field) for field in rng.choice(bases)]
        for field in said:
            for _ in range(rng.choice((0, 0, 1, 2))):
                field[rng.randrange(len(field))] = rng.choice(WORDS)
        rows.append(((" ".join(said[0]), " ".join(said[1])), rng.choice(SPLITS)))
    return rows


def run(stage: Dedup, rows: list[tuple[Row, str]]) -> tuple[pl.DataFrame, ListedTexts, pl.DataFrame]:
    frame, texts = make_rows([row for row, _ in rows], split=[split for _, split in rows])
    return frame, texts, stage.decide(frame, stage.evidence(frame, texts))


@settings(deadline=None, max_examples=150)
@given(families(), st.sampled_from((0.5, 0.7, 0.8, 1.0)))
def test_drops_are_exactly_what_kept_rows_account_for(rows: list[tuple[Row, str]], bound: float) -> None:
    frame, texts, found = run(Dedup(near_jaccard=bound, held_out_jaccard=bound, max_cluster=1.0), rows)
    said = {key: texts._said[key] for key in frame["row_id"]}
    split = dict(frame.select("row_id", pl.col("split").cast(pl.String)).iter_rows())
    sets = {key: tuple(shingles(text) for text in both) for key, both in said.items()}
    kept = set(said) - set(found["row_id"])

    def leaks(a: bytes, b: bytes) -> bool:
        return split[a] != split[b] and jaccard(sets[a][0], sets[b][0]) >= bound

    def repeats(a: bytes, b: bytes) -> bool:
        return all(jaccard(x, y) >= bound for x, y in zip(sets[a], sets[b]))

    for row in found.iter_rows(named=True):
        key, witness = row["row_id"], row["witness_id"]
        assert witness in kept
        prompt, response = (jaccard(x, y) for x, y in zip(sets[key], sets[witness]))
        if row["reason"] == "same_text":
            assert (prompt, response) == (1.0, 1.0)
        elif row["reason"] == "near_held_out":
            assert leaks(key, witness)
            assert row["value"] == pytest.approx(prompt)
        else:
            assert row["value"] == pytest.approx(min(prompt, response))
        assert row["value"] >= row["threshold"] - 1e-12
    for a in kept:
        for b in kept - {a}:
            assert not leaks(a, b)
            assert not repeats(a, b)


@settings(deadline=None, max_examples=30)
@given(families(), st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows: list[tuple[Row, str]], rng: random.Random) -> None:
    split_of = {row: split for row, split in rows}
    rows = sorted(split_of.items())
    stage = Dedup(near_jaccard=0.6, max_cluster=1.0)
    frame, texts = make_rows([row for row, _ in rows], split=[split for _, split in rows])
    shuffled = frame.sample(fraction=1.0, shuffle=True, seed=rng.randrange(1000))
    expected = stage.decide(frame, stage.evidence(frame, texts))
    assert stage.decide(shuffled, stage.evidence(shuffled, texts)).equals(expected)


def test_a_shared_context_with_another_question_is_no_duplicate() -> None:
    context = " ".join(f"fact{i}" for i in range(300))
    asked = [f"{context} who was number {i} of them" for i in range(50)]
    _, _, found = run(Dedup(), [((prompt, f"it was {i} indeed"), "train") for i, prompt in enumerate(asked)])
    assert found.is_empty()


def test_one_held_out_row_among_many_of_a_template_is_the_one_to_go() -> None:
    template = " ".join(f"fact{i}" for i in range(100))
    rows = [((f"{template} ask {i} now", f"answer {i}"), "train") for i in range(30)]
    _, texts, found = run(Dedup(near_jaccard=None), [*rows, ((f"{template} ask 99 now", "x"), "final")])
    assert [texts._said[key][1] for key in found["row_id"]] == ["x"]
    assert found["reason"].to_list() == ["near_held_out"]


def test_parts_can_be_switched_off() -> None:
    rows = [(("one two three", "Yes"), "train"), (("One two three", "yes"), "train")]
    assert run(Dedup(), rows)[2]["reason"].to_list() == ["same_text"]
    assert run(Dedup(exact=False), rows)[2]["reason"].to_list() == ["near_duplicate"]
    assert run(Dedup(exact=False, near_jaccard=None), rows)[2].is_empty()
    across = [(("one two three", "yes"), "train"), (("one two three", "no"), "final")]
    assert run(Dedup(), across)[2]["reason"].to_list() == ["near_held_out"]
    assert run(Dedup(held_out_jaccard=None), across)[2].is_empty()


def test_nothing_in_nothing_out() -> None:
    frame, texts = make_rows([])
    assert Dedup().decide(frame, Dedup().evidence(frame, texts)).is_empty()


def test_finds_what_datasketch_finds_and_knows_the_true_similarity() -> None:
    rng = random.Random(1)
    pool = [f"word{i}" for i in range(3000)]
    texts = []
    for _ in range(250):
        base = rng.choices(pool, k=80)
        edited = list(base)
        for place in rng.sample(range(80), rng.choice((0, 1, 2, 3))):
            edited[place] = rng.choice(pool)
        texts += [" ".join(base), " ".join(edited)]
    sets = [shingles(text) for text in texts]
    pairs = {(i, i + 1) for i in range(0, 500, 2) if jaccard(sets[i], sets[i + 1]) >= 0.8}
    sketches = []
    index = MinHashLSH(params=(32, 4), num_perm=128)
    for i, one in enumerate(sets):
        sketch = MinHash(num_perm=128, seed=1)
        sketch.update_batch([" ".join(shingle).encode() for shingle in one])
        sketches.append(sketch)
        index.insert(i, sketch)
    theirs = {(i, j) for i in range(500) for j in index.query(sketches[i]) if i < j} & pairs
    frame, listed = make_rows([(text, "ok") for text in texts], split=["train"] * 500)
    found = Dedup(max_cluster=1.0).decide(frame, Dedup().evidence(frame, listed))
    place = {text: i for i, text in enumerate(texts)}
    same = {(i, i + 1) for i in range(0, 500, 2) if texts[i] == texts[i + 1]}
    ours = set()
    for key, witness, value in found.select("row_id", "witness_id", "value").iter_rows():
        i, j = sorted(place[listed._said[k][0]] for k in (key, witness))
        ours.add((i, j))
        assert value == pytest.approx(jaccard(sets[i], sets[j]))
        assert abs(sketches[i].jaccard(sketches[j]) - value) < 0.25
    assert ours == pairs - same
    assert len(theirs) >= 0.99 * len(pairs)


def test_a_hundred_thousand_equal_rows_take_seconds() -> None:
    n = 100_000
    keys = pl.Series([i.to_bytes(16, "big") for i in range(n)])
    frame = pl.DataFrame({"row_id": keys, "split": ["train"] * n}).with_columns(tools=pl.lit(None, pl.String))

    class Same:
        def turns(self) -> pl.LazyFrame:
            return pl.LazyFrame(schema=TURNS)

        def prompts(self, ids: pl.Series) -> pl.Series:
            return pl.Series(["Where does the parcel go when nobody is at home?"]).new_from_index(0, len(ids))

        first_prompts = responses = prompts

    stage = Dedup()
    stage.decide(frame[:10], stage.evidence(frame[:10], Same()))  # type: ignore[arg-type]
    started = time.process_time()
    found = stage.decide(frame, stage.evidence(frame, Same()))  # type: ignore[arg-type]
    assert time.process_time() - started < 10
    assert found.height == n - 1
    assert found["witness_id"].n_unique() == 1


def test_a_cluster_beyond_the_bound_stops_the_run() -> None:
    template = " ".join(f"fact{i}" for i in range(100))
    rows = [((f"{template} a{i}", f"{template} b{i}"), "train") for i in range(150)]
    with pytest.raises(TilthError, match=r"149 of 150 rows are duplicates.*max_cluster") as stopped:
        run(Dedup(), rows)
    assert "fact1" not in str(stopped.value)
    assert run(Dedup(max_cluster=1.0), rows)[2].height == 149
