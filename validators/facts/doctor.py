"""What the health page of one data file says."""

from __future__ import annotations

from typing import Literal, TypedDict

from tilth.validators.facts.data import ReadingLine
from tilth.validators.facts.page import Example, Word


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
    readings: list[ReadingLine]
    unfinished: dict[str, str]  # path -> why reading stopped
    unreadable: list[UnreadableCount]
    findings: list[FindingCount]
    private: dict[str, int]  # kind -> turns
    histograms: list[Histogram]
    columns: list[ColumnFacts]
    advice: list[Advice]
