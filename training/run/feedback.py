"""The feedback record of a run: what it learned about the data, stored for the next curation to read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from tilth.shards.feedback import FEEDBACK_ROWS, FeedbackHeader
from tilth.shards.store import Store
from tilth.shards.tables import conform
from tilth.shards.version import Version
from tilth.training.monitors.monitor import versions
from tilth.training.monitors.repetition import REPETITION_CONSTANT
from tilth.training.run.learning import Learning


def store_feedback(learning: Learning, store: Store, version: Version, header: FeedbackHeader) -> str:
    """Store the record of a finished run and return its digest.

    header: what names the run; what it learned is set here. Losses of single rows are kept for train and withheld
    rows only, never for the splits that judge.
    """
    rows, slices = learning.feedback_frames()
    digests = version.rows(["row_id", "text_digest"])
    rows = rows.drop("text_digest").join(digests, on="row_id", how="left", maintain_order="left")
    header = replace(
        header,
        row_count=rows.height,
        findings=[_plain(finding) for finding in learning.run_findings],
        monitors=versions(),
        validation_queries={"feedback": len(learning.evaluations), "promotion": int(bool(learning.drift))},
        promotion_drift=learning.drift,
        effective_rows=learning.effective_rows,
        alpha_spent=round(learning.alpha_spent, 6),
        repetition_constant=REPETITION_CONSTANT,
    )
    return store.add_feedback(version.manifest.name, header, conform(rows, FEEDBACK_ROWS), slices)


def _plain(finding: dict[str, Any]) -> dict[str, Any]:
    return {k: round(v, 6) if isinstance(v, float) else v for k, v in finding.items()}
