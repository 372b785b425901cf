"""Scores: appended by scorer, published by name, none of another scorer's lost."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from tilth.shards.errors import CorruptObject, TilthError
from tilth.shards.scores import KEY
from tilth.shards.store import Store

MODEL, JUDGE = "a" * 64, "b" * 64


def table(first: int = 0, **scores: list[float | None]) -> pl.DataFrame:
    rows = len(next(iter(scores.values())))
    keys = [bytes([first + n]) * 32 for n in range(rows)]
    return pl.DataFrame({KEY: keys, **scores}, schema_overrides=dict.fromkeys(scores, pl.Float64))


def test_what_a_scorer_said_last_of_a_text_counts(store: Store) -> None:
    assert store.scores.known(MODEL).is_empty()
    store.scores.add(MODEL, table(loss=[1.0, 2.0]))
    store.scores.add(MODEL, table(1, loss=[3.0, 4.0], alone=[5.0, None]))
    assert store.scores.known(MODEL).equals(table(loss=[1.0, 3.0, 4.0], alone=[None, 5.0, None]))
    assert store.scores.known(JUDGE).is_empty()


def test_scores_of_another_scorer_stay_beside_new_ones(store: Store) -> None:
    first, path = store.scores.publish("desk", table(perplexity=[9.0, 8.0, None]))
    assert pl.read_parquet(path).equals(table(perplexity=[9.0, 8.0]))
    second, same_path = store.scores.publish("desk", table(1, judge=[4.0, 5.0]))
    assert same_path == path
    expected = table(judge=[None, 4.0, 5.0], perplexity=[9.0, 8.0, None])
    assert pl.read_parquet(path).equals(expected)
    assert store.objects.frame(second).equals(expected)
    store.scores.publish("desk", table(perplexity=[7.0]))
    assert pl.read_parquet(path).equals(table(judge=[None, 4.0, 5.0], perplexity=[7.0, None, None]))
    assert store.objects.frame(first).height == 2


def test_published_scores_survive_the_sweep_and_superseded_ones_do_not(store: Store) -> None:
    old, _ = store.scores.publish("desk", table(perplexity=[9.0]))
    new, path = store.scores.publish("desk", table(perplexity=[8.0]))
    store.gc()
    assert store.objects.frame(new).equals(pl.read_parquet(path))
    with pytest.raises(CorruptObject):
        store.objects.frame(old)
    assert store.verify() == []


def test_a_damaged_table_is_named(store: Store) -> None:
    _, path = store.scores.publish("desk", table(perplexity=[9.0]))
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptObject, match=r"desk\.parquet: the scores are not as they were published"):
        store.scores.publish("desk", table(judge=[1.0]))


@pytest.mark.parametrize("name", ["../evil", "a/b", ""])
def test_no_name_leaves_the_folder(store: Store, name: str) -> None:
    with pytest.raises(TilthError):
        store.scores.publish(name, table(perplexity=[1.0]))
    with pytest.raises(TilthError):
        store.scores.add(name, table(perplexity=[1.0]))
    assert not list(Path(store.root.parent).glob("evil*"))
