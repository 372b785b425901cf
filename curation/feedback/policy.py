"""How far feedback may go, and the line that says what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tilth.curation.stage import Positive, Share, Weight
from tilth.shards.feedback import FeedbackHeader, Finding

BURNED = "its feedback split is burned: what it says is fitted to it; take a fresh one from new rows"


@dataclass(frozen=True)
class PushbackPolicy:
    """How far feedback may go.

    apply: false only proposes. ignore: digests (or beginnings of at least 8 digits) of records to leave out,
    which undoes what they did. min_precision: estimated precision under which NOISY is not acted on.
    min_weight, max_weight: bounds of a row's weight. min_known_share: a record that knows fewer of its rows
    is refused. max_top_up_share: of all rows, what a round may take in from the reserve. parole_share: of the rows in
    quarantine, what each later round lets go.
    """

    apply: bool = True
    ignore: tuple[str, ...] = ()
    min_precision: Share = 0.9
    max_slice_share: Share = 0.05  # of a slice that one round may quarantine
    max_cumulative_share: Share = 0.2  # of a slice that may be quarantined at any time
    max_row_share: Share = 0.1  # of all rows that may change in one round
    expires_after: Positive = 2  # further records, unless one confirms it, until an action lapses
    max_shift: Share = 0.15  # how far the mixture of slices may move (total variation)
    max_top_up_share: Share = 0.1  # of all rows that one round may take in from the reserve
    repair_from: Share = 0.8  # probability of another answer from which a noisy row is repaired; 1 sets aside
    parole_share: Share = 0.1  # of the quarantined rows that each later round lets go
    min_weight: Share = 0.25
    max_weight: Weight = 4.0
    min_known_share: Share = 0.5

    def unheard(self, digest: str, header: FeedbackHeader) -> str:
        """Return why a record is not acted on, "" where it is."""
        if any(len(prefix) >= 8 and digest.startswith(prefix) for prefix in self.ignore):
            return "ignored by the recipe"
        burned = any(found.get("finding") == Finding.VAL_BURNED.value for found in header.findings)
        return BURNED if burned else ""


def ledger_line(action: str, target: str, evidence: str, digest: str, bound: str = "") -> dict[str, Any]:
    """Return a line of the ledger: what was done, to what, why, within which bound, and how to undo it."""
    reverse = f"curate RECIPE --set 'curation.pushback.ignore=[\"{digest[:12]}\"]'"
    line = {"action": action, "target": target, "evidence": evidence, "bound": bound}
    return {**line, "reverse": reverse, "record": digest}
