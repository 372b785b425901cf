"""What earlier runs of a name left in its feedback records, for monitors that look beyond one run."""

from __future__ import annotations

import polars as pl

from tilth.shards.store import Store
from tilth.training.evaluation.intervals import Estimate
from tilth.training.monitors.observations import Past


def past_of(store: Store, name: str, base_digest: str, run_id: str) -> Past:
    """Return what the records of `name` say, those of the run itself left out; nothing where there is none.

    Losses compare only on one base; what curation did to the slices and what was asked of promotion does on any.
    """
    records = [store.feedback(digest) for digest in store.feedback_digests(name)]
    records = [record for record in records if record[0].run_id != run_id]
    headers = [header for header, _, _ in records]
    measured = [header.promotion_drift for header in headers if header.promotion_drift]
    first = measured[0] if measured else None
    return Past(
        runs=len(headers),
        best_loss=_best_losses(
            [slices for header, _, slices in records if header.base_digest == base_digest]
        ),
        effective_rows=next((h.effective_rows for h in headers if h.effective_rows), {}),
        first_drift=Estimate(first["mean"], first["se"], int(first["groups"])) if first else None,
        drifts_beyond=sum(int(drift["beyond"]) for drift in measured),
    )


def _best_losses(records: list[pl.DataFrame]) -> dict[str, float]:
    """Return the least held-out loss of each slice over the evaluations of all records."""
    if not records:
        return {}
    lines = pl.concat(records).filter(pl.col("n_feedback") > 0).drop_nulls("loss_feedback")
    return dict(lines.group_by("slice").agg(pl.col("loss_feedback").min()).sort("slice").iter_rows())
