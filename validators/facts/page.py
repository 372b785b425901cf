"""What every page may say: its word, an estimate, a change, a row, a link."""

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
    bound: NotRequired[str]  # what it may at most do: "5% of 8,240 rows"


class Lead(TypedDict):
    """One step that is open after a page: what it is for, and the command or the change."""

    what: str
    how: str


class Link(TypedDict):
    """Another page, by a path relative to this one; anything else is shown as text without a link."""

    label: str
    href: str


class Example(TypedDict):
    """One row that a rule took; `text` is "" for a line that could not be read."""

    row: str  # first 12 hex digits of the row id, "" if unreadable
    place: str  # source_path:line
    text: str
    witness: str  # place of the kept row it duplicates, or ""
