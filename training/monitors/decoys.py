"""Decoys: rows whose answers are known to be wrong, because they belong to other rows of the slice."""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np

from tilth.training.rows.pairs import Pair
from tilth.training.rows.text import Example

SHARE = 0.05  # of the rows of a slice
MIN_PER_SLICE, MAX_PER_SLICE = 120, 200  # some for each kind of row
TRIES = 8


def make(twin: list[Example], train: list[Example]) -> list[Example]:
    """Return copies of rows with swapped answers, from withheld rows first; never to be trained on.

    The decoy of a preference pair is the pair turned round. Train rows serve where the withheld are fewer than
    needed. The choice depends on row ids alone. Documents have no answer to swap, and a slice where all answers are
    equal has no decoys.
    """
    decoys: list[Example] = []
    for name in sorted({e.slice for e in train}):
        withheld = _by_hash([e for e in twin if e.slice == name and _spans(e)])
        trained = _by_hash([e for e in train if e.slice == name and _spans(e)])
        wanted = min(MAX_PER_SLICE, max(MIN_PER_SLICE, round(SHARE * len(trained))))
        pool = withheld + trained[: max(0, wanted - len(withheld))]
        longest = max((len(e.input_ids) for e in pool), default=0)
        swapped = (
            row.swapped() if isinstance(row, Pair) else _swapped(pool, i, longest)
            for i, row in enumerate(pool)
        )
        decoys += [d for d in swapped if d is not None][:wanted]
    return decoys


def _swapped(pool: list[Example], index: int, longest: int) -> Example | None:
    """Give the row at `index` the answers of the next row whose answers differ and fit."""
    row = pool[index]
    own = [row.input_ids[a:b].tolist() for a, b in _spans(row)]
    for step in range(1, min(TRIES, len(pool) - 1) + 1):
        donor = pool[(index + step) % len(pool)]
        theirs = [donor.input_ids[a:b].tolist() for a, b in _spans(donor)]
        given = [theirs[k % len(theirs)] for k in range(len(own))]
        if all(a != b for a, b in zip(own, given)):
            decoy = _with_answers(row, given)
            if len(decoy.input_ids) <= longest:
                return decoy
    return None


def _with_answers(row: Example, answers: list[list[int]]) -> Example:
    ids, labels, end = [], [], 0
    for (start, stop), answer in zip(_spans(row), answers):
        between = row.input_ids[end:start].tolist()
        ids += between + answer
        labels += [False] * len(between) + [True] * len(answer)
        end = stop
    rest = row.input_ids[end:].tolist()
    return replace(
        row,
        input_ids=np.array(ids + rest, dtype=np.int32),
        is_label=np.array(labels + [False] * len(rest), dtype=bool),
    )


def _spans(example: Example) -> list[tuple[int, int]]:
    """Return the answers as (start, stop); none where learning starts at once, as in a document."""
    edges = np.diff(np.concatenate([[0], example.is_label.astype(np.int8), [0]]))
    starts, stops = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    return [] if len(starts) == 0 or starts[0] <= 1 else list(zip(starts.tolist(), stops.tolist()))


def _by_hash(examples: list[Example]) -> list[Example]:
    """Return one example per row, in the order of the hash of its id."""
    of_row = {e.row_id: e for e in examples}
    return [of_row[r] for r in sorted(of_row, key=lambda r: hashlib.blake2b(b"decoy\0" + r).digest())]
