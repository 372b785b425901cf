"""Which feedback records the next version may act on.

A record counts if it speaks of a version in the candidate's ancestry. There is at most one round of feedback
per change of the sources or the recipe: what a model trained on steered data says does not steer again, so
the loop comes to rest.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import polars as pl

from tilth.curation.feedback.policy import PushbackPolicy
from tilth.curation.feedback.repair import Repaired, repairs_of
from tilth.curation.feedback.review import NOBODY, Review, review_of
from tilth.shards.feedback import FeedbackHeader
from tilth.shards.store import Store
from tilth.shards.version import Version

Record = tuple[str, FeedbackHeader, pl.DataFrame, pl.DataFrame]


@dataclass(frozen=True)
class Admission:
    """The records to act on, oldest first, and what the manifest keeps of that choice.

    rounds: digest -> how many records the version that it speaks of had read. Records of one number are one round:
    whichever versions read them, the bounds of a version hold over all of them together. review: what people said.
    repaired: what the records put in the place of wrong answers.
    """

    digests: list[str]
    records: list[Record]
    rounds: dict[str, int]
    steered_inputs: str | None
    is_new_round: bool
    review: Review = NOBODY
    repaired: Repaired = field(default_factory=Repaired)


NOTHING = Admission([], [], {}, None, False)


def admit(
    store: Store, name: str, parent: Version | None, inputs: str, policy: PushbackPolicy | None
) -> Admission:
    """Choose the records for a version made from `inputs` (a digest of sources and recipe).

    policy: without one no person and no monitor is heard.
    """
    review = review_of(name, store.judgement_log.read(name), policy.ignore) if policy else NOBODY
    if parent is None:
        return replace(NOTHING, review=review)
    taken = list(parent.manifest.feedback)
    ancestry = {entry["id"] for entry in store.log(name)}
    unread = [
        digest
        for digest in store.feedback_digests(name)
        if digest not in taken and store.feedback(digest)[0].version in ancestry
    ]
    is_new_round = bool(unread) and parent.manifest.steered_sources != inputs
    digests = taken + unread if is_new_round else taken
    records = [(digest, *store.feedback(digest)) for digest in digests]
    steered_inputs = inputs if is_new_round else parent.manifest.steered_sources
    rounds = _rounds(store, records)
    edited = {row for rewrite in review.rewrites() for row in rewrite.edits}
    repaired = repairs_of(store, records, rounds, policy, edited) if policy else Repaired()
    return Admission(digests, records, rounds, steered_inputs, is_new_round, review, repaired)


def _rounds(store: Store, records: list[Record]) -> dict[str, int]:
    """Return the round of each record, as it was kept where its version is gone.

    Of one of which nothing is known the round is the first, where bounds are tightest.
    """
    known, kept = set(store.version_ids()), store.feedback_log.rounds()
    return {
        digest: len(store.version(header.version).manifest.feedback)
        if header.version in known
        else kept.get(digest, 0)
        for digest, header, _, _ in records
    }
