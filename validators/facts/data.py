"""What the data page says: where every line of a version went, and what is left."""

from __future__ import annotations

from typing import Literal, NotRequired, TypedDict

from tilth.validators.facts.page import Action, Example, Link, Word


class PhaseCount(TypedDict):
    """What was left after one phase; `rows_left` counts input lines."""

    phase: str
    dropped: int
    quarantined: int
    rows_left: int


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
    """One attribute of the rows; `ordered` keeps the order of the lines (a histogram).

    note: what was made of a target whose shares do not say it all; else empty.
    """

    by: str
    ordered: bool
    lines: list[DistributionLine]
    note: str


class SplitCount(TypedDict):
    """Kept rows of a split, their share, the share asked for, and the smallest loss change they can show.

    asked is None for rows that are trained on, and for promotion while it is one with feedback.
    """

    split: str
    rows: int
    share: float
    asked: float | None
    detects_nat: float | None


class TagCount(TypedDict):
    """Kept rows that a tagging rule found; nothing was dropped for it."""

    stage: str
    reason: str
    rows: int


class CountedRows(TypedDict):
    """Rows that hold something, or to which something was done, by its name."""

    what: str
    rows: int


class FileCount(TypedDict):
    """How much of a file was read; None where that is not known, and lines where it is no text."""

    path: str
    records: int  # rows and what could be none, a line of the ledger each
    text_lines: int | None
    bytes: int  # as stored
    bytes_read: int | None


class ReadingLine(TypedDict):
    """How files of a source were read; `others` fit as well, `unread` is held and read by nobody."""

    source: str
    first: str  # the first of the files
    files: int
    format: str
    reading: str  # shape (part: column, …)
    others: list[str]
    unread: list[CountedRows]
    notes: list[CountedRows]
    counts: list[FileCount]


class RewriteCount(TypedDict):
    """What a rewrite changed of one kind, in all distinct rows and in those kept; personal data masked."""

    stage: str
    kind: str
    places: int
    turns: int
    rows: int
    kept_rows: int
    examples: list[str]


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
    readings: list[ReadingLine]
    rewritten: list[RewriteCount]
    tags: list[TagCount]
    parent: ParentDiff | None
    actions: list[Action]
    checks: list[CheckLine]
    reverse: str  # the command that takes this version back, "" if it is the first
    links: NotRequired[list[Link]]
