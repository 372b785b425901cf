"""What training found, turned into bounded, reversible decisions about rows and slices.

A fold over the ordered list of feedback records: the same records give the same decisions, and a record that
is taken out of the list takes all it did with it. Monitors only report; every bound is here:

- NOISY rows are quarantined, at most `max_slice_share` of a slice per round and `max_cumulative_share` at
  any time; at most `max_row_share` of all rows change status per round; a quarantine ends after
  `expires_after` further records unless a record confirms it.
- REPEATED, MEMORISING and OVERFIT slices weigh less (the factors of the in-run sampler); the mixture moves at
  most `max_shift` (total variation) per round, and a weight lapses like a quarantine.
- Everything else is proposed, never done.

A round is all records about versions that had read as many records before (see admission.py), so that several
runs on one version have no more say together than one.

Slices are those of the rows as curated now, never what a record says of itself.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tilth.curation.feedback.record import Evidence, read_record
from tilth.curation.stage import Positive, Share, Weight
from tilth.shards.feedback import FeedbackHeader, Finding
from tilth.shards.tables import FINDINGS, Verdict, conform, empty

STAGE = "pushback"
WEIGHTS = pl.Schema({"row_id": pl.Binary(), "factor": pl.Float64(), "reason": pl.String()})
SLICE_FACTOR = {Finding.OVERFIT: math.exp(-1.0), Finding.MEMORISING: math.exp(-0.5)}
_PROPOSALS = {
    Finding.UNCERTAIN: "look at these rows",
    Finding.COVERAGE_GAP: "add rows like those of its feedback split",
    Finding.FORGETTING: "raise the share of base-domain rows in the mix",
}


@dataclass(frozen=True)
class PushbackPolicy:
    """How far feedback may go.

    apply: false only proposes. ignore: digests (or beginnings of at least 8 digits) of records to leave out,
    which undoes what they did. min_precision: estimated precision under which NOISY is not acted on.
    min_weight, max_weight: bounds of a row's weight. min_known_share: a record that knows fewer of its rows
    is refused.
    """

    apply: bool = True
    ignore: tuple[str, ...] = ()
    min_precision: Share = 0.9
    max_slice_share: Share = 0.05  # of a slice that one round may quarantine
    max_cumulative_share: Share = 0.2  # of a slice that may be quarantined at any time
    max_row_share: Share = 0.1  # of all rows that may change in one round
    expires_after: Positive = 2  # further records, unless one confirms it, until an action lapses
    max_shift: Share = 0.15  # how far the mixture of slices may move (total variation)
    min_weight: Share = 0.25
    max_weight: Weight = 4.0
    min_known_share: Share = 0.5


@dataclass(frozen=True)
class Steering:
    """What feedback does to the next version.

    findings: rows to quarantine (schema FINDINGS). weights: row_id, factor, reason. admitted: digests acted
    on. skipped: record, reason, rows. actions: action, target, evidence, reverse, record.
    """

    findings: pl.DataFrame
    weights: pl.DataFrame
    admitted: list[str]
    skipped: list[dict[str, Any]]
    actions: list[dict[str, Any]]


@dataclass
class _Round:
    """What a round used of its bounds: rows that changed status, rows taken a slice; and where its weights began."""

    changed: int
    taken: Counter[str]
    factors: dict[str, float]


@dataclass
class _State:
    """Where the fold stands: row -> (estimated precision, records ago), slice -> factor, and since when."""

    rounds: dict[int, _Round] = field(default_factory=dict)
    quarantined: dict[bytes, tuple[float, int]] = field(default_factory=dict)
    factors: dict[str, float] = field(default_factory=dict)
    ages: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def steer(
    rows: pl.DataFrame,
    records: list[tuple[str, FeedbackHeader, pl.DataFrame, pl.DataFrame]],
    policy: PushbackPolicy,
    rounds: Mapping[str, int] | None = None,
) -> Steering:
    """Fold the records (digest, header, rows, slices; oldest first) into decisions about `rows`.

    rounds: the round of each record by digest; by default all are of one. rows: row_id, text_digest, slice of the
    rows still kept. A record that contradicts itself, holds numbers
    that are none, or does not know these rows is skipped whole; a row changed or gone since is skipped alone.
    """
    rows = rows.select("row_id", "text_digest", "slice").sort("row_id")
    sizes = {
        name: n for name, n in rows.group_by("slice").len().sort("slice").iter_rows() if name is not None
    }
    state, admitted, skipped, actions = _State(), [], [], []
    for digest, header, seen, slices in records:
        if any(len(prefix) >= 8 and digest.startswith(prefix) for prefix in policy.ignore):
            skipped.append({"record": digest, "reason": "ignored by the recipe", "rows": 0})
            continue
        evidence = read_record(rows, header, seen, slices, policy.min_known_share)
        if evidence.refusal:
            skipped.append({"record": digest, "reason": evidence.refusal, "rows": evidence.skipped})
            continue
        if evidence.skipped:
            skipped.append(
                {"record": digest, "reason": "rows changed or gone since", "rows": evidence.skipped}
            )
        admitted.append(digest)
        number = (rounds or {}).get(digest, 0)
        used = state.rounds.setdefault(number, _Round(0, Counter(), dict(state.factors)))
        done, left = _fold_rows(state, used, evidence, sizes, policy, digest)
        actions += done
        skipped += left
        actions += _fold_slices(state, used, evidence, sizes, policy, digest)
        actions += _proposals(evidence, digest)
    if not policy.apply:
        proposed = [{**action, "action": "propose", "reverse": ""} for action in actions]
        return Steering(empty(FINDINGS), empty(WEIGHTS), admitted, skipped, proposed)
    return Steering(_findings(state, policy), _weights(state, rows), admitted, skipped, actions)


def _fold_rows(
    state: _State,
    used: _Round,
    evidence: Evidence,
    sizes: dict[str, int],
    policy: PushbackPolicy,
    digest: str,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Release what has lapsed, confirm what is found again, quarantine what is new, within the bounds.

    Returns the actions, and what was found noisy and left, with the reason.
    """
    noisy = evidence.noisy.filter(pl.col("est_precision") >= policy.min_precision)
    slice_of = dict(evidence.slices_of_rows.iter_rows())
    most_changed = math.floor(policy.max_row_share * sum(sizes.values()))
    lapsed = _lapsed(state, dict(noisy.select("row_id", "est_precision").iter_rows()), slice_of, policy)
    lapsed = lapsed[: max(0, most_changed - used.changed)]
    for row in lapsed:
        del state.quarantined[row]
    used.changed += len(lapsed)
    held = Counter(slice_of[row] for row in state.quarantined)
    taken: Counter[str] = Counter()
    over = 0
    for row, name, precision in noisy.select("row_id", "slice", "est_precision").iter_rows():
        within_round = used.taken[name] < math.floor(policy.max_slice_share * sizes[name])
        within_slice = held[name] < math.floor(policy.max_cumulative_share * sizes[name])
        if row in state.quarantined:
            continue
        if not (within_round and within_slice and used.changed < most_changed):
            over += 1
            continue
        state.quarantined[row] = (precision, 0)
        for count in (taken, held, used.taken):
            count[name] += 1
        used.changed += 1
    named = dict(noisy.group_by("slice").len().sort("slice").iter_rows())
    actions = [
        _action(
            "quarantine",
            f"{n} rows of {name}",
            f"{named[name]} rows found noisy, estimated precision at least {policy.min_precision:g}; bound "
            f"{policy.max_slice_share:.0%} of {sizes[name]:,} rows",
            digest,
        )
        for name, n in sorted(taken.items())
    ]
    if lapsed:
        reason = f"not confirmed by {policy.expires_after} records"
        actions.append(_action("release", f"{len(lapsed)} rows", reason, digest))
    return actions, _left(evidence.noisy.height - noisy.height, over, policy, digest)


def _left(below: int, over: int, policy: PushbackPolicy, digest: str) -> list[dict[str, Any]]:
    """Return why rows that were found noisy stay: precision under the bar, or a bound that is reached."""
    reasons = {
        f"found noisy with an estimated precision under {policy.min_precision:g} (pushback.min_precision)": below,
        f"found noisy beyond the bounds ({policy.max_slice_share:.0%} of a slice and {policy.max_row_share:.0%} of all "
        f"rows a round, {policy.max_cumulative_share:.0%} of a slice in all)": over,
    }
    return [{"record": digest, "reason": reason, "rows": rows} for reason, rows in reasons.items() if rows]


def _lapsed(
    state: _State, again: dict[bytes, float], slice_of: dict[bytes, str], policy: PushbackPolicy
) -> list[bytes]:
    """Age the quarantined rows by a record, forget those that left the sources, and return those that lapse."""
    lapsed = []
    for row, (precision, age) in sorted(state.quarantined.items()):
        if row in again:
            state.quarantined[row] = (again[row], 0)
        elif row not in slice_of:
            del state.quarantined[row]
        elif age + 1 >= policy.expires_after:
            lapsed.append(row)
        else:
            state.quarantined[row] = (precision, age + 1)
    return lapsed


def _fold_slices(
    state: _State,
    used: _Round,
    evidence: Evidence,
    sizes: dict[str, int],
    policy: PushbackPolicy,
    digest: str,
) -> list[dict[str, Any]]:
    """Move the weights of slices toward what the record asks for, by at most the bound."""
    wanted = {name: state.factors.get(name, 1.0) for name in sizes}
    found: dict[str, str] = {}
    for name in sizes:
        factor = 1.0
        for finding, repetition_value in evidence.slice_findings.get(name, []):
            factor *= repetition_value if finding == Finding.REPEATED else SLICE_FACTOR[finding]
            found[name] = f"{found[name]}, {finding.value}" if name in found else finding.value
        if name in found:
            wanted[name] = max(policy.min_weight, wanted[name] * factor)
            state.ages[name], state.reasons[name] = 0, found[name]
        elif name in state.factors:
            state.ages[name] += 1
            if state.ages[name] >= policy.expires_after:
                wanted[name] = 1.0
    before = dict(state.factors)
    began = {name: used.factors.get(name, 1.0) for name in sizes}
    state.factors = _bounded(wanted, began, sizes, policy.max_shift)
    return [
        _action(
            "weigh",
            f"{sizes[name]} rows of {name}",
            f"{found.get(name, 'not confirmed')}: factor {before.get(name, 1.0):.3f} to "
            f"{state.factors.get(name, 1.0):.3f}",
            digest,
        )
        for name in sizes
        if before.get(name, 1.0) != state.factors.get(name, 1.0)
    ]


def _bounded(
    wanted: dict[str, float], before: dict[str, float], sizes: dict[str, int], max_shift: float
) -> dict[str, float]:
    """Return factors (1 left out) whose mixture is within `max_shift` of the curated one and of `before`."""
    total = sum(sizes.values())
    curated = {name: n / total for name, n in sizes.items()}

    def mixture(factors: dict[str, float]) -> dict[str, float]:
        mass = {name: curated[name] * factors[name] for name in sizes}
        return {name: m / sum(mass.values()) for name, m in mass.items()}

    def toward(start: dict[str, float], end: dict[str, float]) -> dict[str, float]:
        distance = sum(abs(end[name] - start[name]) for name in sizes) / 2
        step = min(1.0, max_shift / distance) if distance else 1.0
        return {name: start[name] + step * (end[name] - start[name]) for name in sizes}

    end = toward(mixture(before), toward(curated, mixture(wanted)))
    ratios = {name: end[name] / curated[name] for name in sizes}
    top = max(ratios.values(), default=1.0)
    factors = {name: round(ratio / top, 6) for name, ratio in ratios.items()}
    return {name: factor for name, factor in factors.items() if factor < 1.0}


def _proposals(evidence: Evidence, digest: str) -> list[dict[str, Any]]:
    """Return one proposal per finding and target: what the last evaluation said of it."""
    last = {
        (finding, target, _PROPOSALS.get(finding, proposed)): said
        for finding, target, said, proposed in evidence.proposals
        if finding in _PROPOSALS or finding is Finding.NOTED
    }
    return [
        {
            "action": "propose",
            "target": target,
            "evidence": said,
            "next": next_step,
            "reverse": "",
            "record": digest,
        }
        for (_, target, next_step), said in last.items()
    ]


def _action(action: str, target: str, evidence: str, digest: str) -> dict[str, Any]:
    reverse = f"curate RECIPE --set 'curation.pushback.ignore=[\"{digest[:12]}\"]'"
    return {"action": action, "target": target, "evidence": evidence, "reverse": reverse, "record": digest}


def _findings(state: _State, policy: PushbackPolicy) -> pl.DataFrame:
    held = sorted(state.quarantined.items())
    frame = pl.DataFrame(
        {"row_id": [row for row, _ in held], "value": [precision for _, (precision, _) in held]},
        schema={"row_id": pl.Binary, "value": pl.Float64},
    )
    return conform(
        frame.with_columns(
            verdict=pl.lit(Verdict.QUARANTINE.value),
            stage=pl.lit(STAGE),
            reason=pl.lit(Finding.NOISY.value),
            threshold=pl.lit(policy.min_precision),
        ),
        FINDINGS,
    )


def _weights(state: _State, rows: pl.DataFrame) -> pl.DataFrame:
    names = sorted(state.factors)
    steered = pl.DataFrame(
        {
            "slice": names,
            "factor": [state.factors[name] for name in names],
            "reason": [state.reasons.get(name, "mixture") for name in names],
        },
        schema={"slice": pl.String, "factor": pl.Float64, "reason": pl.String},
    )
    return rows.join(steered, on="slice", how="inner", maintain_order="left").select(WEIGHTS.names())
