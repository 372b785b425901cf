"""Packing keeps every token once and lets no example reach into another (R9)."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tilth.training.rows.pack import IGNORED, bins, pack
from tilth.training.rows.text import Example

examples = st.lists(
    st.lists(st.tuples(st.integers(0, 50), st.booleans()), min_size=1, max_size=40), min_size=1, max_size=30
).map(
    lambda rows: [
        Example(
            bytes([number]),
            "s",
            1.0,
            np.array([token for token, _ in row], dtype=np.int32),
            np.array([place > 0 and learned for place, (_, learned) in enumerate(row)]),
        )
        for number, row in enumerate(rows)
    ]
)


@given(examples, st.integers(1, 80))
def test_no_token_is_lost_split_or_repeated(rows: list[Example], pack_tokens: int) -> None:
    batches = pack(rows, pack_tokens)
    packed = [(e.row_id, tuple(e.input_ids)) for batch in batches for e in batch.examples]
    assert Counter(packed) == Counter((e.row_id, tuple(e.input_ids)) for e in rows)
    for batch in batches:
        assert len(batch.input_ids) <= pack_tokens or len(batch.examples) == 1
        assert batch.input_ids.tolist() == [i for e in batch.examples for i in e.input_ids.tolist()]
        assert batch.position_ids.tolist() == [i for e in batch.examples for i in range(len(e.input_ids))]


@given(examples, st.integers(1, 80))
def test_targets_are_the_labels_of_the_same_example(rows: list[Example], pack_tokens: int) -> None:
    for batch in pack(rows, pack_tokens):
        place = 0
        for number, example in enumerate(batch.examples):
            own = slice(place, place + len(example.input_ids))
            learned = example.is_label[1:]
            wanted = np.where(learned, example.input_ids[1:], IGNORED).tolist()
            assert batch.targets[own].tolist() == [*wanted, IGNORED]
            assert (batch.example_of[own] == number).all()
            place = own.stop
        assert batch.label_count == sum(int(e.is_label.sum()) for e in batch.examples)


@given(st.lists(st.integers(1, 40), max_size=60))
def test_bins_are_never_more_than_twice_what_is_needed(lengths: list[int]) -> None:
    used = bins(lengths, 40)
    assert sorted(i for chosen in used for i in chosen) == list(range(len(lengths)))
    assert len(used) <= max(1, 2 * -(-sum(lengths) // 40)) or not lengths


def test_best_fit_prefers_the_fullest_bin() -> None:
    assert bins([6, 5, 4, 5], 10) == [[0, 2], [1, 3]]
