"""What training found, turned into bounded, reversible decisions about rows and slices.

A fold over the ordered list of feedback records: the same records give the same decisions, and a record that
is taken out of the list takes all it did with it. Monitors only report; every bound is here:

- NOISY rows are quarantined, at most `max_slice_share` of a slice per round and `max_cumulative_share` at
  any time; at most `max_row_share` of all rows change status per round; a quarantine ends after
  `expires_after` further records unless a record confirms it. Each later round paroles `parole_share` of those in
  quarantine: back among the train rows, the next run may find them again.
- REPEATED and EXTRACTABLE rows are capped: they weigh as if drawn 4 times a run, or once; never under `min_weight`.
- REPEATED, MEMORISING and OVERFIT slices weigh less, STARVED ones more (the factors of the in-run sampler); the
  mixture moves at most `max_shift` (total variation) per round, and a weight lapses like a quarantine.
- TOP_UP and COVERAGE_GAP slices take rows in from the reserve, at most `max_top_up_share` of all rows in a round.
- A record that says VAL_BURNED steers nothing: what its feedback split chose is fitted to that split.
- Everything else is proposed, never done.

A round is all records about versions that had read as many records before (see admission.py), so that several
runs on one version have no more say together than one.

Slices are those of the rows as curated now, never what a record says of itself.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import polars as pl

from tilth.curation.feedback.policy import PushbackPolicy, ledger_line
from tilth.curation.feedback.record import Evidence, read_record
from tilth.shards.feedback import FeedbackHeader, Finding
from tilth.shards.tables import FINDINGS, Verdict, conform, empty

STAGE = "pushback"
WEIGHTS = pl.Schema({"row_id": pl.Binary(), "factor": pl.Float64(), "reason": pl.String()})
SLICE_FACTOR = {
    Finding.OVERFIT: math.exp(-1.0),
    Finding.MEMORISING: math.exp(-0.5),
    Finding.STARVED: math.exp(0.5),
}
MAX_STARVED = 2.0  # times the curated weight
MOST_DRAWN = {Finding.REPEATED.value: 4, Finding.EXTRACTABLE.value: 1}  # times a run, of a row that is capped
FROM_RESERVE = (Finding.TOP_UP, Finding.COVERAGE_GAP)
_PROPOSALS = {
    Finding.UNCERTAIN: "look at these rows",
    Finding.COVERAGE_GAP: "add rows like those of its feedback split",
    Finding.TOP_UP: "add rows to the slice",
    Finding.FORGETTING: "raise training.retention.replay by 0.02, to 0.2 at most",
    Finding.MEMORISATION_HIGH: "fewer passes, a lower rate or a lower rank",
    Finding.SLICE_COLLAPSE: "go back to the parent version",
}


@dataclass(frozen=True)
class Steering:
    """What feedback does to the next version.

    findings: rows to quarantine (schema FINDINGS). weights: row_id, factor, reason. admitted: digests acted
    on. skipped: record, reason, rows. actions: action, target, evidence, bound, reverse, record. top_up: slice -> rows
    to take in from its reserve.
    """

    findings: pl.DataFrame
    weights: pl.DataFrame
    admitted: list[str]
    skipped: list[dict[str, Any]]
    actions: list[dict[str, Any]]
    top_up: dict[str, int] = field(default_factory=dict)


@dataclass
class _Round:
    """What a round used of its bounds: rows that changed status, rows taken a slice; and where it began.

    held: rows in quarantine then. paroled: of them, let go. top_up: slice -> rows taken in.
    """

    number: int
    factors: dict[str, float]
    held: int
    changed: int = 0
    paroled: int = 0
    taken: Counter[str] = field(default_factory=Counter)
    top_up: dict[str, int] = field(default_factory=dict)


@dataclass
class _State:
    """Where the fold stands: row -> (estimated precision, records ago), slice -> factor, and since when.

    since: row -> the round that quarantined it. caps: row -> (factor, records ago).
    """

    rounds: dict[int, _Round] = field(default_factory=dict)
    quarantined: dict[bytes, tuple[float, int]] = field(default_factory=dict)
    since: dict[bytes, int] = field(default_factory=dict)
    caps: dict[bytes, tuple[float, int]] = field(default_factory=dict)
    factors: dict[str, float] = field(default_factory=dict)
    ages: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def steer(
    rows: pl.DataFrame,
    records: list[tuple[str, FeedbackHeader, pl.DataFrame, pl.DataFrame]],
    policy: PushbackPolicy,
    rounds: Mapping[str, int] | None = None,
    repaired: Mapping[str, Mapping[str, int]] | None = None,
) -> Steering:
    """Fold the records (digest, header, rows, slices; oldest first) into decisions about `rows`.

    rounds: the round of each record by digest; by default all are of one. repaired: digest -> slice -> rows that the
    record has repaired (repair.py), which count against the same bounds. rows: row_id, text_digest, slice of the
    rows still kept. A record that contradicts itself, holds numbers
    that are none, or does not know these rows is skipped whole; a row changed or gone since is skipped alone.
    """
    rows = rows.select("row_id", "text_digest", "slice").sort("row_id")
    sizes = {
        name: n for name, n in rows.group_by("slice").len().sort("slice").iter_rows() if name is not None
    }
    state, admitted, skipped, actions = _State(), [], [], []
    for digest, header, seen, slices in records:
        unheard = policy.unheard(digest, header)
        if unheard:
            skipped.append({"record": digest, "reason": unheard, "rows": 0})
            continue
        evidence = read_record(rows, header, seen, slices, policy.min_known_share)
        if evidence.refusal:
            skipped.append({"record": digest, "reason": evidence.refusal, "rows": evidence.skipped})
            continue
        mended = Counter((repaired or {}).get(digest, {}))
        if evidence.skipped > mended.total():
            gone = evidence.skipped - mended.total()
            skipped.append({"record": digest, "reason": "rows changed or gone since", "rows": gone})
        admitted.append(digest)
        number = (rounds or {}).get(digest, 0)
        start = _Round(number, dict(state.factors), len(state.quarantined))
        used = state.rounds.setdefault(number, start)
        used.taken.update(mended)
        used.changed += mended.total()
        done, left = _fold_rows(state, used, evidence, sizes, policy, digest)
        actions += done
        skipped += left
        actions += _cap(state, used, evidence, sizes, policy, digest)
        actions += _fold_slices(state, used, evidence, sizes, policy, digest)
        actions += _top_up(used, evidence, sizes, policy, digest)
        actions += _proposals(evidence, digest)
    if not policy.apply:
        proposed = [{**action, "action": "propose", "reverse": ""} for action in actions]
        return Steering(empty(FINDINGS), empty(WEIGHTS), admitted, skipped, proposed)
    taken_in: Counter[str] = Counter()
    for used in state.rounds.values():
        taken_in.update(used.top_up)
    found = _findings(state, policy)
    return Steering(found, _weights(state, rows), admitted, skipped, actions, dict(taken_in))


def topped_up(steering: Steering, taken: Mapping[str, int]) -> Steering:
    """Return what was done with the rows that were taken in, slice -> rows; a slice without a reserve is left out."""
    actions = []
    for action in steering.actions:
        name = action.get("slice")
        if name is None:
            actions.append(action)
        elif taken.get(name):
            actions.append({**action, "target": f"{taken[name]} rows of {name}"})
    return replace(steering, actions=actions)


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
    paroled = _paroled(state, used, set(noisy["row_id"]), policy, most_changed)
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
        state.quarantined[row], state.since[row] = (precision, 0), used.number
        for count in (taken, held, used.taken):
            count[name] += 1
        used.changed += 1
    named = dict(noisy.group_by("slice").len().sort("slice").iter_rows())
    actions = [
        ledger_line(
            "quarantine",
            f"{n} rows of {name}",
            f"{named[name]} rows found noisy, estimated precision at least {policy.min_precision:g}",
            digest,
            f"{policy.max_slice_share:.0%} of {sizes[name]:,} rows",
        )
        for name, n in sorted(taken.items())
    ]
    if lapsed:
        reason = f"not confirmed by {policy.expires_after} records"
        actions.append(ledger_line("release", f"{len(lapsed)} rows", reason, digest))
    if paroled:
        reason = "a later run may find them again"
        bound = f"{policy.parole_share:.0%} of {used.held:,} rows in quarantine"
        actions.append(ledger_line("parole", f"{len(paroled)} rows", reason, digest, bound))
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


def _paroled(
    state: _State, used: _Round, again: set[bytes], policy: PushbackPolicy, most_changed: int
) -> list[bytes]:
    """Let go of some of the rows that earlier rounds quarantined and this record does not name; return them."""
    left = math.floor(policy.parole_share * used.held) - used.paroled
    left = max(0, min(left, most_changed - used.changed))
    earlier = [row for row in state.quarantined if state.since[row] < used.number and row not in again]
    earlier.sort(key=lambda row: sha256(b"parole:%d:" % used.number + row).digest())
    for row in earlier[:left]:
        del state.quarantined[row]
    used.paroled += len(earlier[:left])
    used.changed += len(earlier[:left])
    return earlier[:left]


def _cap(
    state: _State,
    used: _Round,
    evidence: Evidence,
    sizes: dict[str, int],
    policy: PushbackPolicy,
    digest: str,
) -> list[dict[str, Any]]:
    """Let rows that were seen too often weigh less; a cap lapses like a quarantine."""
    most_changed = math.floor(policy.max_row_share * sum(sizes.values()))
    known = set(evidence.slices_of_rows["row_id"])
    wanted = {
        row: (name, max(policy.min_weight, min(1.0, MOST_DRAWN[finding] / seen)))
        for row, name, seen, finding in evidence.often.iter_rows()
    }
    for row, (factor, age) in sorted(state.caps.items()):
        if row not in known or (row not in wanted and age + 1 >= policy.expires_after):
            del state.caps[row]
        elif row not in wanted:
            state.caps[row] = (factor, age + 1)
    capped: Counter[str] = Counter()
    for row, (name, factor) in wanted.items():
        if row in state.caps:
            state.caps[row] = (min(factor, state.caps[row][0]), 0)
        elif row not in state.quarantined and used.changed < most_changed and factor < 1:
            state.caps[row] = (factor, 0)
            used.changed += 1
            capped[name] += 1
    bound = f"{policy.max_row_share:.0%} of all rows a round; weight at least {policy.min_weight:g}"
    return [
        ledger_line("cap", f"{n} rows of {name}", "seen too often, or recited word for word", digest, bound)
        for name, n in sorted(capped.items())
    ]


def _top_up(
    used: _Round, evidence: Evidence, sizes: dict[str, int], policy: PushbackPolicy, digest: str
) -> list[dict[str, Any]]:
    """Take rows in from the reserve of slices that lack some, each round once for a slice."""
    asked = sorted({target for finding, target, *_ in evidence.proposals if finding in FROM_RESERVE})
    asked = [name for name in asked if name in sizes and name not in used.top_up]
    most = math.floor(policy.max_top_up_share * sum(sizes.values())) - sum(used.top_up.values())
    actions = []
    for name in asked:
        rows = min(sizes[name], max(0, most) // len(asked))
        if rows:
            used.top_up[name] = rows
            bound = f"{policy.max_top_up_share:.0%} of all rows a round"
            reason = "held-out rows are not covered, or the slice is behind and its rows are worn out"
            line = ledger_line("top up", f"at most {rows} rows of {name}", reason, digest, bound)
            actions.append({**line, "slice": name})
    return actions


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
            most = max(1.0, wanted[name], MAX_STARVED if factor > 1 else 0.0)
            wanted[name] = min(most, max(policy.min_weight, wanted[name] * factor))
            state.ages[name], state.reasons[name] = 0, found[name]
        elif name in state.factors:
            state.ages[name] += 1
            if state.ages[name] >= policy.expires_after:
                wanted[name] = 1.0
    before = dict(state.factors)
    began = {name: used.factors.get(name, 1.0) for name in sizes}
    masses = {name: float(n) for name, n in sizes.items()}
    for row, name in evidence.slices_of_rows.iter_rows():
        if row in state.caps and name is not None:
            masses[name] -= 1 - state.caps[row][0]
    state.factors = _bounded(wanted, began, sizes, masses, policy.max_shift)
    return [
        ledger_line(
            "weigh",
            f"{sizes[name]} rows of {name}",
            f"{found.get(name, 'not confirmed')}: factor {before.get(name, 1.0):.3f} to "
            f"{state.factors.get(name, 1.0):.3f}",
            digest,
            f"{policy.max_shift:g} of the mixture (total variation)",
        )
        for name in sizes
        if before.get(name, 1.0) != state.factors.get(name, 1.0)
    ]


def _bounded(
    wanted: dict[str, float],
    before: dict[str, float],
    sizes: dict[str, int],
    masses: dict[str, float],
    max_shift: float,
) -> dict[str, float]:
    """Return factors (1 left out) whose mixture is within `max_shift` of the curated one and of `before`.

    masses: weight of the rows of each slice, those that are capped counted with less than 1.
    """
    total, weighed = sum(sizes.values()), sum(masses.values())
    curated = {name: n / total for name, n in sizes.items()}

    def mixture(factors: dict[str, float]) -> dict[str, float]:
        mass = {name: masses[name] * factors[name] for name in sizes}
        return {name: m / sum(mass.values()) for name, m in mass.items()}

    def toward(start: dict[str, float], end: dict[str, float]) -> dict[str, float]:
        distance = sum(abs(end[name] - start[name]) for name in sizes) / 2
        step = min(1.0, max_shift / distance) if distance else 1.0
        return {name: start[name] + step * (end[name] - start[name]) for name in sizes}

    end = toward(mixture(before), toward(curated, mixture(wanted)))
    ratios = {name: end[name] * weighed / masses[name] for name in sizes}
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
    capped = pl.DataFrame(
        {"row_id": sorted(state.caps), "cap": [state.caps[row][0] for row in sorted(state.caps)]},
        schema={"row_id": pl.Binary, "cap": pl.Float64},
    )
    weighed = rows.join(steered, on="slice", how="left", maintain_order="left")
    weighed = weighed.join(capped, on="row_id", how="left", maintain_order="left")
    factor = pl.coalesce("factor", pl.lit(1.0)) * pl.coalesce("cap", pl.lit(1.0))
    reason = pl.when(pl.col("cap").is_not_null()).then(pl.lit("capped")).otherwise("reason")
    return (
        weighed.filter(pl.any_horizontal(pl.col("factor", "cap").is_not_null()))
        .with_columns(factor=factor, reason=reason)
        .select(WEIGHTS.names())
    )
