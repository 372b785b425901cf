"""Rows that training found to bear a wrong answer get the one that rows asking alike bear: put in their place, or not.

A record proposes no text but a row of its version that bears the answer (shards/feedback.py). The text is put behind
all rewrites of the recipe and in front of every rule, within the bounds of a round, where what stands there is what the
run saw; a person's word about a row goes first. Leaving the record out (`pushback.ignore`) takes it back, and a later
run judges the repaired row like any other.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, ClassVar

import polars as pl

from tilth.curation.feedback.policy import PushbackPolicy, ledger_line
from tilth.curation.feedback.review import Repairs
from tilth.shards.feedback import FeedbackHeader, Finding
from tilth.shards.store import Store
from tilth.shards.tables import Role

Record = tuple[str, FeedbackHeader, pl.DataFrame, pl.DataFrame]


class MonitorRepairs(Repairs):
    """The same rewrite for what monitors propose, in front of what people wrote."""

    name: ClassVar[str] = "repair"
    order: ClassVar[int] = 999


@dataclass(frozen=True)
class Repaired:
    """What is put where, and how many rows of a slice each record repairs: digest -> slice -> rows."""

    edits: dict[bytes, dict[int, tuple[frozenset[str], str]]] = field(default_factory=dict)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)

    def rewrites(self) -> tuple[MonitorRepairs, ...]:
        """Return the rewrite that puts the answers, if any is put."""
        return (MonitorRepairs(self.edits),) if self.edits else ()

    def actions(self, policy: PushbackPolicy) -> list[dict[str, Any]]:
        """Return a line for each record and slice."""
        why = "found noisy; rows that ask alike bear another answer, with a probability of at least "
        bound = f"{policy.max_slice_share:.0%} of a slice and {policy.max_row_share:.0%} of all rows a round"
        return [
            ledger_line("repair", f"{n} rows of {name}", f"{why}{policy.repair_from:g}", digest, bound)
            for digest, slices in self.counts.items()
            for name, n in sorted(slices.items())
        ]


def repairs_of(
    store: Store,
    records: list[Record],
    rounds: dict[str, int],
    policy: PushbackPolicy,
    edited: Collection[bytes],
) -> Repaired:
    """Return what the records repair. edited: rows that a person wrote something for.

    A record whose version is gone repairs nothing: the answers that it points to are no longer there.
    """
    known = set(store.version_ids())
    taken: dict[int, Counter[str]] = {}
    done = Repaired()
    for digest, header, seen, _ in records:
        if policy.unheard(digest, header) or header.version not in known or not policy.apply:
            continue
        used = taken.setdefault(rounds.get(digest, 0), Counter())
        chosen = _within_bounds(_proposed(seen, policy, {*edited, *done.edits}), seen, policy, used)
        edits = _edits(store, header.version, chosen)
        if edits:
            done.edits.update(edits)
            names = chosen.filter(pl.col("row_id").is_in(list(edits)))["slice"]
            done.counts[digest] = dict(Counter(names.to_list()))
    return done


def _proposed(seen: pl.DataFrame, policy: PushbackPolicy, not_these: Collection[bytes]) -> pl.DataFrame:
    """Return row_id, slice, proposed_row of the rows to repair, the surest first."""
    rows = set(seen["row_id"])
    found = seen.filter(
        (pl.col("finding").cast(pl.String) == Finding.NOISY.value)
        & (pl.col("est_precision") >= policy.min_precision)
        & (pl.col("proposed_probability") >= policy.repair_from)
        & pl.col("slice").is_not_null()
    ).sort("proposed_probability", "row_id", descending=[True, False])
    return found.filter(
        [
            row not in not_these and other in rows
            for row, other in found.select("row_id", "proposed_row").iter_rows()
        ]
    ).select("row_id", "slice", "proposed_row")


def _within_bounds(
    proposed: pl.DataFrame, seen: pl.DataFrame, policy: PushbackPolicy, used: Counter[str]
) -> pl.DataFrame:
    """Return the first of the proposed that the bounds of a round allow, and count them as used."""
    sizes = dict(seen.group_by("slice").len().iter_rows())
    most = math.floor(policy.max_row_share * seen.height)
    allowed = []
    for name in proposed["slice"]:
        fits = used[name] < math.floor(policy.max_slice_share * sizes[name]) and used.total() < most
        used[name] += fits
        allowed.append(fits)
    return proposed.filter(pl.Series(allowed, dtype=pl.Boolean))


def _edits(
    store: Store, version: str, chosen: pl.DataFrame
) -> dict[bytes, dict[int, tuple[frozenset[str], str]]]:
    """Return row id -> the turn that is learned -> (what stands there, what is put); plain answers alone."""
    if chosen.is_empty():
        return {}
    asked = pl.concat([chosen["row_id"], chosen["proposed_row"]]).unique()
    turns = (
        store.version(version)
        .turns(asked)
        .filter(
            (pl.col("role") == Role.ASSISTANT.value)
            & pl.col("tool_calls").is_null()
            & pl.col("reasoning").is_null()
        )
    )
    last = turns.group_by("row_id").agg(pl.col("turn", "text").sort_by("turn").last())
    answers = {row: (turn, text) for row, turn, text in last.select("row_id", "turn", "text").iter_rows()}
    edits = {}
    for row, other in chosen.select("row_id", "proposed_row").iter_rows():
        if row in answers and other in answers and answers[row][1] != answers[other][1]:
            turn, text = answers[row]
            edits[row] = {turn: (frozenset([sha256(text.encode()).hexdigest()]), answers[other][1])}
    return edits
