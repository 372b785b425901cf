"""What the index of a store says: every page there is, newest first."""

from __future__ import annotations

from typing import Literal, TypedDict


class VersionLine(TypedDict):
    """One version; `href` leads to its data page, "" where it has none."""

    version: str  # 12 hex digits
    published_at: str
    counts: dict[str, int]
    passed: bool  # its checks
    refs: str
    verdict: str  # the word on its page
    href: str


class NameLines(TypedDict):
    """A name and its versions; served: what it serves, "" where nothing was promoted yet."""

    name: str
    served: str
    versions: list[VersionLine]


class RunLine(TypedDict):
    """One training run; losses on held-out rows, nat/token, None where none were measured."""

    run_id: str
    version: str
    verdict: str
    method: str
    steps: int
    base_loss: float | None
    tuned_loss: float | None
    ended_at: str
    href: str


class ComparisonLine(TypedDict):
    """One comparison: PARENT-CHILD and what came of it."""

    versions: str
    sentence: str
    href: str


class IndexFacts(TypedDict):
    """The index of a store."""

    kind: Literal["index"]
    verdict: str
    reasons: list[str]
    next: str
    name: str
    names: list[NameLines]
    runs: list[RunLine]
    comparisons: list[ComparisonLine]
