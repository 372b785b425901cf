"""Why a record of feedback changed nothing, in words, and what one would change: both screens say the same."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from tilth.curation.feedback.policy import PushbackPolicy
from tilth.curation.feedback.pushback import Steering, steer
from tilth.shards.feedback import FeedbackHeader
from tilth.shards.tables import Verdict
from tilth.shards.version import Version

STEERED = (
    "this version was steered by feedback already; more is read when the sources or the recipe change, so that the "
    "loop comes to rest"
)
NOTHING_ASKED = "nothing in it asks for a change of these rows"


def reasons_of(steering: Steering, digests: Iterable[str], proposes_only: str) -> list[str]:
    """Return why these records changed nothing, each reason once; `proposes_only` where feedback may only propose."""
    wanted = set(digests)
    said: dict[str, int] = {}
    for line in steering.skipped:
        if line["record"] in wanted:
            said[line["reason"]] = said.get(line["reason"], 0) + line["rows"]
    reasons = [f"{rows:,} rows: {reason}" if rows else reason for reason, rows in said.items()]
    asked = any(action["record"] in wanted for action in steering.actions)
    if proposes_only and (asked or not reasons):
        reasons.insert(0, proposes_only)
    return reasons or [NOTHING_ASKED]


def outlook(
    version: Version,
    record: tuple[str, FeedbackHeader, pl.DataFrame, pl.DataFrame],
    policy: PushbackPolicy,
    proposes_only: str,
) -> list[str]:
    """Return what the next curation does with a record, or why it will do nothing, a line each."""
    if version.manifest.steered_sources is not None:
        return [STEERED]
    decisions = version.decisions().select(
        "slice", kept=pl.col("verdict").cast(pl.String) == Verdict.KEEP.value
    )
    rows = version.rows(["row_id", "text_digest"]).hstack(decisions).filter("kept").drop("kept")
    steering = steer(rows, [record], policy)
    acts = [action for action in steering.actions if action["action"] != "propose"]
    if proposes_only or not acts:
        return reasons_of(steering, [record[0]], proposes_only)
    return [f"{action['action']} {action['target']}: {action['evidence']}" for action in acts]
