"""Which rows a step sees follows from the seed and a small state."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from tilth.training.rows.sampler import Sampler, order_of_pass
from tilth.training.rows.text import Example


def drawn(sampler: Sampler, steps: int, batch_tokens: int = 256, start: int = 0) -> list[list[bytes]]:
    return [
        sorted(e.row_id for batch in sampler.batches((step + 1) * batch_tokens) for e in batch.examples)
        for step in range(start, start + steps)
    ]


def make(examples: list[Example], seed: int = 0) -> Sampler:
    return Sampler(examples, seed=seed, pack_tokens=128)


def test_an_epoch_shows_every_row_exactly_as_often_as_it_weighs(make_examples) -> None:
    rows = [replace(e, weight=float(1 + i % 3)) for i, e in enumerate(make_examples(60))]
    sampler = make(rows)
    total = round(sampler.tokens_per_epoch)
    seen: Counter[bytes] = Counter()
    while sampler.tokens < total:
        for batch in sampler.batches(min(sampler.tokens + 256, total)):
            seen.update(e.row_id for e in batch.examples)
    assert seen == {e.row_id: int(e.weight) for e in rows}


def test_a_fraction_of_a_weight_is_a_probability_and_zero_is_never(make_examples) -> None:
    rows = [replace(e, weight=[0.0, 0.25, 1.5][i % 3]) for i, e in enumerate(make_examples(600))]
    counts = np.zeros((40, 600))
    for number in range(40):
        np.add.at(counts[number], order_of_pass(rows, 0, number), 1)
    kinds = counts.reshape(40, 200, 3)
    assert kinds[:, :, 0].sum() == 0
    assert kinds[:, :, 1].mean() == pytest.approx(0.25, abs=0.02)
    assert set(np.unique(kinds[:, :, 2])) == {1, 2}
    assert kinds[:, :, 2].mean() == pytest.approx(1.5, abs=0.02)
    assert not any(e.weight == 0 for e in rows if e.row_id in {r for s in drawn(make(rows), 20) for r in s})


def test_what_is_drawn_does_not_depend_on_the_order_rows_came_in(make_examples) -> None:
    rows = make_examples(80)
    assert drawn(make(rows), 8) == drawn(make(rows[::-1]), 8)
    assert drawn(make(rows), 8) != drawn(make(rows, seed=1), 8)


def test_another_row_does_not_move_the_order_of_the_rest(make_examples) -> None:
    rows = make_examples(50)
    with_all = [rows[i].row_id for i in order_of_pass(rows, 3, 0)]
    without = [rows[:-1][i].row_id for i in order_of_pass(rows[:-1], 3, 0)]
    assert [r for r in with_all if r != rows[-1].row_id] == without


def test_a_resumed_sampler_goes_on_where_it_was(make_examples) -> None:
    rows = make_examples(80)
    whole, first, second = make(rows), make(rows), make(rows)
    for sampler in (whole, first):
        drawn(sampler, 3)
        sampler.reweight({"a": 0.8, "b": 0.2})
    whole_steps = drawn(whole, 6, start=3)
    before = drawn(first, 2, start=3)
    second.load_state_dict(json.loads(json.dumps(first.state_dict())))
    assert before + drawn(second, 4, start=5) == whole_steps


def test_tokens_follow_the_mixture(make_examples) -> None:
    sampler = make(make_examples(200))
    sampler.reweight({"a": 0.8, "b": 0.2})
    tokens = {"a": 0, "b": 0}
    for step in range(20):
        for batch in sampler.batches((step + 1) * 256):
            for example in batch.examples:
                tokens[example.slice] += len(example.input_ids)
    assert tokens["a"] / sum(tokens.values()) == pytest.approx(0.8, abs=0.02)
    assert sampler.tokens == pytest.approx(20 * 256, abs=60)
