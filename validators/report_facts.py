"""What each page is made from: plain JSON, written as `report.json` beside its `report.html`.

Curation, training and the workbench fill these; `report.py` renders them and adds nothing. Losses are
nat/token over assistant tokens, rates and scores fractions of one, times seconds, sizes bytes. A page shows
at most `report.MAX_*` lines of a list and says how many it left out, so lists may be as long as they are.
Text taken from rows is shown shortened and escaped; it must already be redacted.
"""

from __future__ import annotations

from typing import Final, Literal, NotRequired, TypedDict

USE: Final = "USE"
DO_NOT_USE: Final = "DO NOT USE"
NOT_ENOUGH_EVIDENCE: Final = "NOT ENOUGH EVIDENCE"
Word = Literal["USE", "DO NOT USE", "NOT ENOUGH EVIDENCE"]


class Interval(TypedDict):
    """An estimate with its interval; `low` and `high` are None where no interval could be computed."""

    value: float
    low: float | None
    high: float | None


class Action(TypedDict):
    """One change that was made, why, and the command that reverses it."""

    action: str  # "quarantine", "weight x0.5"
    target: str  # "412 rows of sort/en"
    evidence: str  # "M6: 38 of 41 flagged are wrong at precision 0.93"
    reverse: str  # a command


class Link(TypedDict):
    """Another page, by a path relative to this one; anything else is shown as text without a link."""

    label: str
    href: str


# The data page -------------------------------------------------------------------------------------------


class PhaseCount(TypedDict):
    """What was left after one phase; `rows_left` counts input lines."""

    phase: str
    dropped: int
    quarantined: int
    rows_left: int


class Example(TypedDict):
    """One row that a rule took; `text` is "" for a line that could not be read."""

    row: str  # first 12 hex digits of the row id, "" if unreadable
    place: str  # source_path:line
    text: str
    witness: str  # place of the kept row it duplicates, or ""


class ReasonCount(TypedDict):
    """Input lines that one rule took."""

    verdict: str
    stage: str
    reason: str
    lines: int
    share: float
    examples: list[Example]


class SourceCount(TypedDict):
    """Input lines of one source; `loss` is the fraction not kept."""

    source: str
    lines: int
    kept: int
    dropped: int
    quarantined: int
    loss: float


class SourceWarning(TypedDict):
    """A rule that took more than 2 % of a source."""

    source: str
    stage: str
    reason: str
    lines: int
    share: float


class DistributionLine(TypedDict):
    """Shares of one value: of the rows read, of the kept training weight, and the recipe's target."""

    value: str
    rows_before: int | None
    rows_after: int
    before: float | None
    after: float
    target: float | None


class Distribution(TypedDict):
    """One attribute of the rows; `ordered` keeps the order of the lines (a histogram)."""

    by: str
    ordered: bool
    lines: list[DistributionLine]


class SplitCount(TypedDict):
    """Kept rows of a split and the smallest loss change they can show."""

    split: str
    rows: int
    detects_nat: float | None


class TagCount(TypedDict):
    """Kept rows that a tagging rule found; nothing was dropped for it."""

    stage: str
    reason: str
    rows: int


class CheckLine(TypedDict):
    """One check of the gate."""

    name: str
    severity: Literal["error", "warning"]
    passed: bool
    value: float | None
    bound: str  # "≥ 1000"
    note: str


class ShiftLine(TypedDict):
    """One value whose share of the kept rows moved against the parent."""

    by: str
    value: str
    parent: float
    child: float


class ParentDiff(TypedDict):
    """What changed against the parent version; `counts` maps a kind of change to rows."""

    parent: str
    counts: dict[str, int]
    divergence_bits: dict[str, float]  # Jensen-Shannon, by attribute
    shifts: list[ShiftLine]


class DataFacts(TypedDict):
    """The data page."""

    kind: Literal["data"]
    verdict: Word
    reasons: list[str]
    next: str
    name: str
    version: str  # 12 hex digits
    content_id: str
    conservation: dict[str, int]  # lines, kept, dropped, quarantined, unaccounted
    funnel: list[PhaseCount]
    taken: list[ReasonCount]
    sources: list[SourceCount]
    warnings: list[SourceWarning]
    licences: list[str]  # what should be known of the kept rows' licences, a sentence each
    distributions: list[Distribution]
    splits: list[SplitCount]
    tags: list[TagCount]
    parent: ParentDiff | None
    actions: list[Action]
    checks: list[CheckLine]
    reverse: str  # the command that takes this version back, "" if it is the first
    links: NotRequired[list[Link]]


# The run page --------------------------------------------------------------------------------------------


class SliceResult(TypedDict):
    """Loss of one slice before and after tuning on held-out rows; `change` is tuned - base, paired."""

    slice: str
    rows: int
    base: Interval
    tuned: Interval
    change: Interval


class FewShotResult(TypedDict):
    """The base after worked examples, on the items where they fit; `change` is tuned - this, paired by item."""

    items: int
    score: Interval | None
    change: Interval | None


class TaskResult(TypedDict):
    """Score of one task, higher is better; `change` is tuned - base, paired by item."""

    name: str
    metric: str
    items: int
    base: Interval
    tuned: Interval
    change: Interval
    few_shot: NotRequired[FewShotResult]


class Curve(TypedDict):
    """Losses of one slice over the run; lists are aligned with `step`, None where not measured."""

    slice: str
    step: list[int]
    probe: list[float | None]  # seen in training, eval mode
    twin: list[float | None]  # same distribution, withheld
    feedback: list[float | None]  # held out


class RateCurve(TypedDict):
    """The learning rate over the run."""

    step: list[int]
    rate: list[float]


class RateTrial(TypedDict):
    """One short run of a rate search; `loss` on feedback rows, None where it was no longer finite."""

    rate: float
    steps: int
    loss: float | None


class RateSearchFacts(TypedDict):
    """The search of `train --find-rate` for the version, base and recipe of a run, and the rate the run used."""

    used: float
    chosen: float
    guess: float  # from the size of the base
    bound: float  # from the range test
    diverged: bool  # whether the range test found where the loss diverges
    tokens: int
    planned_tokens: int
    test_rate: list[float]
    test_loss: list[float]
    trials: list[RateTrial]


class MonitorResult(TypedDict):
    """What one monitor concluded; `slice` is "" for the whole run."""

    monitor: str  # "M1 twin gap"
    slice: str
    finding: str  # a shards.feedback.Finding
    triggered: bool
    value: float | None
    bound: float | None  # triggers beyond it
    step: int | None
    evidence: str


class Retention(TypedDict):
    """Loss on what the base already knew; `change` above zero is forgetting."""

    rows: int
    base: float
    tuned: float
    change: Interval
    note: str  # where the rows come from


class MixResult(TypedDict):
    """One point between the base (share 0) and the tuned weights (1), nat/token; one of them was chosen."""

    share: float
    loss: float
    forgotten: float | None
    chosen: bool


class Artefact(TypedDict):
    """One thing a run left for servers, or why it did not."""

    name: str
    bytes: int
    note: str


class Sample(TypedDict):
    """One prompt answered by both models; a score is None where the task gives none."""

    task: str
    prompt: str
    expected: str
    base: str
    tuned: str
    base_score: float | None
    tuned_score: float | None


class PlanLine(TypedDict):
    """Planned against measured; None where one of them is not known."""

    quantity: str  # "time", "peak memory", "tokens"
    unit: Literal["seconds", "bytes", "tokens", "steps", "count"]
    planned: float | None
    measured: float | None


class RunFacts(TypedDict):
    """The run page."""

    kind: Literal["run"]
    verdict: Word
    reasons: list[str]
    next: str
    name: str
    run_id: str
    version: str  # 12 hex digits
    base: str
    method: str
    seed: int
    device: str
    steps: int
    planned_steps: int
    best_step: int
    stopped_early: bool
    tokens: int
    slices: list[SliceResult]
    tasks: list[TaskResult]  # empty: the page says "judged on loss only"
    curves: list[Curve]
    rate: RateCurve
    monitors: list[MonitorResult]
    retention: Retention | None
    samples: list[Sample]
    plan: list[PlanLine]
    actions: list[Action]  # what the run changed by itself (mixture, early stop)
    rate_search: NotRequired[RateSearchFacts]
    mixes: NotRequired[list[MixResult]]
    artefacts: NotRequired[list[Artefact]]
    links: NotRequired[list[Link]]


# The comparison page: did the second version help? ---------------------------------------------------------


class SeedResult(TypedDict):
    """One run of an arm; `run` is a path relative to the page, "" for none (the base is not trained)."""

    seed: int
    loss: float
    scores: dict[str, float]  # task name -> score
    run: str


class Arm(TypedDict):
    """One way of making the model, under several seeds."""

    arm: str  # "base", "parent", "child", "random removal"
    version: str  # 12 hex digits, "" for the base
    seeds: list[SeedResult]


class Difference(TypedDict):
    """A paired difference with its interval; `better` says which sign is good."""

    label: str  # "ARM - OTHER, ENDPOINT"; differences from the base, being larger, are drawn apart
    unit: str  # "nat/token", "exact"
    better: Literal["lower", "higher"]
    primary: bool
    interval: Interval


class RowChange(TypedDict):
    """One row that differs between the versions."""

    row: str  # first 12 hex digits
    change: str
    before: str
    after: str
    reason: str


class ComparisonFacts(TypedDict):
    """The comparison page."""

    kind: Literal["comparison"]
    verdict: Word
    reasons: list[str]
    next: str
    name: str
    parent: str
    child: str
    answer: Literal["better", "worse", "no difference shown"]
    sentence: str
    rows: int  # promotion rows all arms were judged on
    items: int  # task items
    arms: list[Arm]
    differences: list[Difference]
    changes: dict[str, int]  # kind of change -> rows
    changed_rows: list[RowChange]
    actions: list[Action]
    links: list[Link]  # the two data pages and the run pages


# The health page of one data file ---------------------------------------------------------------------------


class UnreadableCount(TypedDict):
    """Lines that are no rows, by reason."""

    reason: str
    lines: int
    first: str  # path:line


class FindingCount(TypedDict):
    """Judged rows that one default rule takes or tags; a row counts under the first rule that takes it."""

    stage: str
    reason: str
    verdict: str
    rows: int
    share: float
    examples: list[Example]


class Histogram(TypedDict):
    """Shares of the judged rows by one property."""

    title: str
    ordered: bool
    bars: list[tuple[str, float]]


class ColumnFacts(TypedDict):
    """One column beside the text."""

    name: str
    present: float
    distinct: int
    common: str  # the most frequent values, where there are few


class Advice(TypedDict):
    """What a recipe for this file could say, and why."""

    because: str
    write: str  # a line of YAML


class DoctorFacts(TypedDict):
    """The health page: one data file, no recipe. Shares are of the judged rows."""

    kind: Literal["doctor"]
    verdict: Word
    reasons: list[str]
    next: str
    name: str
    lines: dict[str, int]  # read, rows, repeated, unreadable
    judged: int
    shape: str
    mapped: dict[str, str]  # part of a row -> column
    unfinished: dict[str, str]  # path -> why reading stopped
    unreadable: list[UnreadableCount]
    findings: list[FindingCount]
    private: dict[str, int]  # kind -> turns
    histograms: list[Histogram]
    columns: list[ColumnFacts]
    advice: list[Advice]
