"""May the child be served? What a comparison must show before a version that feedback steered takes its parent's place.

Better in one endpoint is not enough: it must not be worse in the mean, in any slice, in what the base knew, or in what
can be drawn out of it. Each is a paired test of non-inferiority at 5 % (one-sided), over seeds and rows; the slices
share theirs (Holm 1979). What cannot be shown is not allowed: the parent stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tilth.shards.feedback import Finding
from tilth.training.comparison.endpoints import Answer, Endpoint
from tilth.training.evaluation.intervals import holm
from tilth.validators.facts.comparison import Promotion, Requirement

MAX_LOSS = 0.005  # nat/token, of the mean over all rows
MAX_SLICE_LOSS = 0.03  # nat/token, of any slice
MAX_FORGOTTEN = 0.02  # nat/token, on what the base already knew
ERROR = 0.05
# What a child's own run may not find, unless its parent's did.
FORBIDDEN = (Finding.EXTRACTABLE, Finding.MEMORISATION_HIGH, Finding.SLICE_COLLAPSE, Finding.VAL_BURNED)


def may_promote(
    endpoints: Sequence[Endpoint], answer: Answer, findings: Mapping[str, Sequence[str]]
) -> Promotion:
    """Return whether the child may be served, and each requirement with what was measured.

    findings: arm (parent, child) -> what the monitors found in its own watched run; empty where there was none.
    """
    losses = [e for e in endpoints if e.lower_is_better and not e.retention]
    requirements = [
        *(_not_worse(e, MAX_LOSS) for e in losses if e.primary),
        *_slices([e for e in losses if not e.primary]),
        *(_not_worse(e, MAX_FORGOTTEN) for e in endpoints if e.retention),
        _nothing_new_found(findings),
        _better(answer),
    ]
    if not any(e.retention for e in endpoints):
        text = "loss on base knowledge was not measured (training.base_knowledge, training.retention.samples)"
        requirements.insert(-2, Requirement(what=text, measured="", bound=f"+{MAX_FORGOTTEN:g}", met=None))
    return Promotion(
        allowed=all(requirement["met"] is not False for requirement in requirements),
        requirements=requirements,
    )


def refusal(promotion: Promotion) -> str:
    """Return in words what keeps a child from being served, "" where nothing does."""
    unmet = [r for r in promotion["requirements"] if r["met"] is False]
    return "; ".join(f"{r['what']}: {r['measured']}, {r['bound']} is asked" for r in unmet[:3])


def _not_worse(endpoint: Endpoint, margin: float) -> Requirement:
    change = endpoint.change("child", "parent")
    return Requirement(
        what=f"child - parent, {endpoint.label}",
        measured=f"{change.mean:+.4f}, surely below {change.interval(1 - 2 * ERROR).high:+.4f} {endpoint.unit}",
        bound=f"below +{margin:g}",
        met=change.p_not_below(margin) <= ERROR,
    )


def _slices(endpoints: Sequence[Endpoint]) -> list[Requirement]:
    """Return the requirement on every slice; none where the rows are of one."""
    if len(endpoints) < 2:
        return []
    changes = {e.label: e.change("child", "parent") for e in endpoints}
    shown = holm({label: change.p_not_below(MAX_SLICE_LOSS) for label, change in changes.items()}, ERROR)
    return [
        Requirement(
            what=f"child - parent, {label}",
            measured=f"{change.mean:+.4f}, p of a rise beyond {change.p_not_below(MAX_SLICE_LOSS):.2g}",
            bound=f"below +{MAX_SLICE_LOSS:g} (Holm over {len(changes)} slices)",
            met=label in shown,
        )
        for label, change in changes.items()
    ]


def _nothing_new_found(findings: Mapping[str, Sequence[str]]) -> Requirement:
    forbidden = {finding.value for finding in FORBIDDEN}
    new = sorted((set(findings.get("child", ())) - set(findings.get("parent", ()))) & forbidden)
    return Requirement(
        what="what can be drawn out of it, and what is left of its slices",
        measured=f"its run found {', '.join(new)}" if new else "its run found nothing its parent's did not",
        bound=f"no new {', '.join(sorted(forbidden))}",
        met=not new,
    )


def _better(answer: Answer) -> Requirement:
    return Requirement(
        what="surely better than its parent and than random removal",
        measured=answer,
        bound="in one loss or task at least, and worse in none",
        met=answer == "better",
    )
