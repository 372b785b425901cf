"""What a monitor says at one evaluation."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from tilth.shards.feedback import Finding

# Fewer independent groups than this cannot carry a bound; the monitor abstains.
MIN_GROUPS = 8
# A slice has one finding per evaluation: the one that asks for the most, the others stand in its evidence.
SEVERITY = (Finding.OVERFIT, Finding.MEMORISING, Finding.REPEATED)


@dataclass(frozen=True)
class Signal:
    """One test: `finding` is NONE where the monitor stayed quiet, INCONCLUSIVE where it had too few rows."""

    monitor: str
    finding: Finding
    slice: str | None  # None: the whole run
    evidence: str
    value: float | None = None
    lcb: float | None = None
    threshold: float | None = None
    alpha: float | None = None

    @property
    def fired(self) -> bool:
        """Tell whether something was found."""
        return self.finding not in (Finding.NONE, Finding.INCONCLUSIVE)

    def to_dict(self) -> dict[str, Any]:
        """Return the signal as plain JSON values; None for an infinite bound."""
        return {k: finite(v) for k, v in {**asdict(self), "finding": self.finding.value}.items()}


def too_few(monitor: str, slice_name: str | None, groups: int) -> Signal:
    """Return the signal of a monitor that abstains."""
    return Signal(
        monitor, Finding.INCONCLUSIVE, slice_name, f"{groups} independent rows, {MIN_GROUPS} needed"
    )


def most_severe(signals: list[Signal]) -> Signal:
    """Return the signal that asks for the most; INCONCLUSIVE only where no test of losses had enough rows."""
    for finding in SEVERITY:
        for signal in signals:
            if signal.finding is finding:
                return signal
    tested = [s for s in signals if s.alpha is not None]
    return tested[0] if tested else signals[0]


def finite(value: Any) -> Any:
    """Return None for a number that JSON cannot hold."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
