"""What the run page says: what a training run learned, forgot and cost."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from tilth.validators.facts.page import Action, Interval, Lead, Link, Word


class SliceResult(TypedDict):
    """Loss of one slice before and after tuning on held-out rows; `change` is tuned - base, paired.

    p_worse: one-sided p-value of a loss that did not rise.
    """

    slice: str
    rows: int
    base: Interval
    tuned: Interval
    change: Interval
    p_worse: NotRequired[float]


class FewShotResult(TypedDict):
    """The base after worked examples, on the items where they fit; `change` is tuned - this, paired by item."""

    items: int
    score: Interval | None
    change: Interval | None


class TaskSlice(TypedDict):
    """Score of the questions of one slice of a task."""

    slice: str
    items: int
    distinct: int
    base: Interval
    tuned: Interval
    change: Interval
    p_worse: float  # one-sided p-value of a score that did not fall


class TaskResult(TypedDict):
    """Score of one task, higher is better; `change` is tuned - base, paired by item.

    p_better and p_worse: one-sided p-values, over the questions that no train row holds.
    """

    name: str
    metric: str
    items: int
    distinct: NotRequired[int]  # different questions that no train row holds
    told: NotRequired[int]  # questions that a train row holds, or nearly
    empty: NotRequired[int]  # questions whose reference is empty
    left_out: NotRequired[int]  # questions of the task that were not asked, as a sample was drawn
    written: NotRequired[bool]  # false: no answer was written, the probabilities of given ones are compared
    base: Interval
    tuned: Interval
    change: Interval
    unseen: NotRequired[Interval]  # the change without the questions that train rows hold
    p_better: NotRequired[float]
    p_worse: NotRequired[float]
    slices: NotRequired[list[TaskSlice]]
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

    monitor: str  # "twin gap"; in pages of older runs "M1 twin gap"
    slice: str
    finding: str  # a shards.feedback.Finding
    triggered: bool
    value: float | None
    bound: float | None  # triggers beyond it
    step: int | None
    evidence: str
    proposes: NotRequired[str]  # what the next curation does about it


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


class RunHead(TypedDict):
    """What a run was and did, before anything is said of it."""

    kind: Literal["run"]
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
    rate: RateCurve
    plan: list[PlanLine]


class RunFacts(RunHead):
    """The run page."""

    verdict: Word
    reasons: list[str]  # the first decides
    causes: NotRequired[list[str]]  # what the word rests on or lacks, as training.run.word names it
    loss: NotRequired[SliceResult | None]  # over all held-out rows
    slices: list[SliceResult]
    tasks: list[TaskResult]  # empty: the page says "judged on loss only"
    curves: list[Curve]
    monitors: list[MonitorResult]
    blind: NotRequired[list[str]]  # what no monitor can see
    retention: Retention | None
    samples: list[Sample]
    actions: list[Action]  # what the run changed by itself (mixture, early stop)
    unit: NotRequired[str]  # of the loss, nat/token where nothing is said
    rate_search: NotRequired[RateSearchFacts]
    mixes: NotRequired[list[MixResult]]
    artefacts: NotRequired[list[Artefact]]
    links: NotRequired[list[Link]]
    leads: NotRequired[list[Lead]]  # what is open after the run
