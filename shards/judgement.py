"""What a person decided about a row, and what all of them together come to.

A judgement is one line of the log of a name (judgement_log.py): who, when, which text, what. It is never changed;
`undo` takes one back, and a judgement that `settles` ends a disagreement. Policy (what the next version does about
it) lives in curation/feedback/review.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any

from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.errors import UsageError

MAX_NOTE_CHARS, MAX_NAME_CHARS, MAX_EDIT_CHARS = 2_000, 80, 8_000_000
_HEX = {"row": 32, "text": 64}
_AT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00")


class Act(StrEnum):
    """What is said of a row. Repair and relabel keep it with other texts; skip and note decide nothing."""

    KEEP = "keep"
    DROP = "drop"
    REPAIR = "repair"
    RELABEL = "relabel"
    SKIP = "skip"
    NOTE = "note"
    UNDO = "undo"


DECIDING = (Act.KEEP, Act.DROP, Act.REPAIR, Act.RELABEL)
EDITING = (Act.REPAIR, Act.RELABEL)


@dataclass(frozen=True)
class Judgement:
    """One person's word about one row.

    at: UTC, ISO 8601 to the second. row, text: hex of the row's id and of the digest of the text that was looked at.
    queue: why it was looked at ("sample:STAGE:REASON" for a random sample of a rule). said: the verdict and rule that
    stood then. edits: turn (as text) -> [sha256 of the text before, the text after]. undoes: the id of the judgement
    that is taken back. nonce: what makes two of the same kind differ; sent again, the same judgement is the same.
    """

    at: str
    by: str
    act: Act
    row: str
    text: str = ""
    queue: str = ""
    said: str = ""
    note: str = ""
    edits: Mapping[str, list[str]] = field(default_factory=dict)
    settles: bool = False
    undoes: str = ""
    nonce: str = ""

    @property
    def id(self) -> str:
        """The sha256 of everything else: a line that was tampered with has another."""
        return sha256_hex(canonical_json(asdict(self)))

    def to_bytes(self) -> bytes:
        """Return the line of the log, without its end."""
        return canonical_json({"id": self.id, **asdict(self)})

    @property
    def outcome(self) -> str:
        """What it comes to: two judgements agree where this is the same."""
        if self.act in EDITING:
            return f"edit {sha256_hex(canonical_json({turn: pair[1] for turn, pair in self.edits.items()}))}"
        return str(self.act)


def read_judgement(values: Any) -> Judgement:
    """Return the judgement that a line of JSON says, trusting nothing. Raises UsageError."""
    names = {f.name: f.type for f in fields(Judgement)}
    if not isinstance(values, dict) or set(values) != {"id", *names}:
        raise _refused("lacks a field or has an unknown one")
    given = {name: values[name] for name in names}
    texts = [name for name, kind in names.items() if kind in ("str", "Act")]
    if not all(isinstance(given[name], str) for name in texts) or not isinstance(given["settles"], bool):
        raise _refused("holds a value of another type")
    judgement = checked(Judgement(**{**given, "act": _act(given["act"])}))
    if judgement.id != values["id"]:
        raise _refused("does not match its id")
    return judgement


def checked(judgement: Judgement) -> Judgement:
    """Return a judgement that can be kept. Raises UsageError naming what is wrong with it."""
    problems = {
        "has no author": not judgement.by.strip() or len(judgement.by) > MAX_NAME_CHARS,
        "has a note that is too long": len(judgement.note) > MAX_NOTE_CHARS,
        "has no time in UTC": not _AT.fullmatch(judgement.at),
        "names no row": not _is_hex(judgement.row, _HEX["row"]),
        "names no text": judgement.act in DECIDING and not _is_hex(judgement.text, _HEX["text"]),
        "takes back nothing": (judgement.act is Act.UNDO) != _is_hex(judgement.undoes, 64),
        "repairs nothing": (judgement.act in EDITING) != bool(judgement.edits),
        "has no usable edit": not _are_edits(judgement.edits),
        "settles nothing": judgement.settles and judgement.act not in DECIDING,
    }
    for what, wrong in problems.items():
        if wrong:
            raise _refused(what)
    return judgement


@dataclass(frozen=True)
class Standing:
    """Where the people stand about one row: `final` where they agree or it was settled, else None."""

    row: str
    words: tuple[Judgement, ...]  # the last deciding word of each author, oldest first
    final: Judgement | None

    @property
    def is_disputed(self) -> bool:
        """Whether two people disagree and nobody has settled it."""
        return self.final is None


def standings(judgements: Iterable[Judgement]) -> dict[str, Standing]:
    """Return where people stand about every row that somebody decided, by row, from the log in its order."""
    log = list(judgements)
    undone = {one.undoes for one in log if one.act is Act.UNDO}
    words: dict[str, dict[str, Judgement]] = {}
    settled: dict[str, Judgement] = {}
    for one in log:
        if one.act not in DECIDING or one.id in undone:
            continue
        of_row = words.setdefault(one.row, {})
        of_row.pop(one.by, None)  # so that the newest word stands last
        of_row[one.by] = one
        if one.settles:
            settled[one.row] = one
    return {row: _standing(row, tuple(said.values()), settled.get(row)) for row, said in words.items()}


def _standing(row: str, said: tuple[Judgement, ...], settled: Judgement | None) -> Standing:
    if settled is not None:
        # What was said after it opens the question again, unless it says the same or the settler changed their mind.
        later = said[said.index(settled) + 1 :] if settled in said else said
        if all(one.outcome == settled.outcome for one in later):
            return Standing(row, said, settled)
    agree = len({one.outcome for one in said}) == 1
    return Standing(row, said, said[-1] if agree else None)


def _act(value: str) -> Act:
    if value not in set(Act):
        raise _refused(f"says {value[:40]!r}, which is none of {', '.join(Act)}")
    return Act(value)


def _is_hex(value: str, length: int) -> bool:
    return len(value) == length and all(c in "0123456789abcdef" for c in value)


def _are_edits(edits: Any) -> bool:
    return isinstance(edits, Mapping) and all(
        isinstance(turn, str) and turn.isdecimal() and len(turn) < 6
        and isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair)
        and _is_hex(pair[0], 64) and len(pair[1]) <= MAX_EDIT_CHARS
        for turn, pair in edits.items()
    )  # fmt: skip


def _refused(what: str) -> UsageError:
    return UsageError("a judgement", what, "It was not taken", "See `tilth review --help`")
