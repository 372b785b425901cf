"""What the comparison page says: did the second version help?"""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from tilth.validators.facts.page import Action, Interval, Link, Word


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


class Requirement(TypedDict):
    """One thing that serving the child asks for; met is None where it could not be measured."""

    what: str
    measured: str
    bound: str
    met: bool | None


class Promotion(TypedDict):
    """Whether the child may be served by what was measured; policy: what the recipe lets decide."""

    allowed: bool
    requirements: list[Requirement]
    policy: NotRequired[Literal["checks", "training"]]


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
    promotion: NotRequired[Promotion]
