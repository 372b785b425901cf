"""What people decided, turned into decisions of the next version: one more record of feedback, and the first.

A person outranks a rule and a monitor, so nothing here is bounded by shares; but every word is explained (who, when,
why), undone by taking it back, and held to the text it was said of. Where two people disagree nothing is done until
somebody settles it. No word keeps a row that leaks an evaluation or a held-out split, whose licence is not allowed,
or that a stage could not read: those are facts, not opinions.
"""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from hashlib import sha256
from typing import Any, ClassVar

import polars as pl

from tilth.curation.stage import Phase
from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.explain import REVIEW
from tilth.shards.judgement import EDITING, Act, Judgement, standings
from tilth.shards.judgement_log import Read
from tilth.shards.tables import FINDINGS, Verdict, conform, empty

STAGE = "review"
FITTED = REVIEW  # the name under which a version keeps what it was told
DROPPED = "a person dropped it"
# Stages and reasons that no word outranks.
FACTS = ("decontaminate", "split", "licences", "stage_raised")
MIN_PREFIX = 8


@dataclass(frozen=True)
class Repairs:
    """A rewrite that puts the texts of reviewers in place of those they saw; it acts behind all others.

    edits: row id -> turn -> (sha256 of each text that may stand there, the text to put).
    """

    edits: dict[bytes, dict[int, tuple[frozenset[str], str]]]
    name: ClassVar[str] = STAGE
    phase: ClassVar[Phase] = Phase.REWRITE
    order: ClassVar[int] = 1_000
    default: ClassVar[bool] = False

    def rewrite(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return the turns with those texts replaced that are as they were seen."""
        ids = pl.Series([row for row in self.edits], dtype=pl.Binary())
        lines = turns.with_row_index("at").filter(pl.col("row_id").is_in(ids.implode()))
        put: dict[int, str] = {}
        for at, row, turn, text in lines.select("at", "row_id", "turn", "text").iter_rows():
            seen, after = self.edits[row].get(turn, (frozenset(), ""))
            if _sha256(text or "") in seen:
                put[at] = after
        if not put:
            return turns
        new = pl.DataFrame(
            {"at": list(put), "put": list(put.values())}, schema={"at": pl.UInt32, "put": pl.String}
        )
        joined = turns.with_row_index("at").join(new, on="at", how="left", maintain_order="left")
        return joined.with_columns(text=pl.coalesce("put", "text")).drop("at", "put")


@dataclass(frozen=True)
class Review:
    """The words to act on, one a row; and what of the log is not acted on: reason -> rows.

    before: (row, turn, sha256 of a text that was written) -> sha256 of the text it was written over.
    """

    name: str = ""
    words: tuple[Judgement, ...] = ()
    left: dict[str, int] = field(default_factory=dict)
    before: dict[tuple[str, str, str], str] = field(default_factory=dict)

    def to_bytes(self) -> bytes:
        """Return the words as a version keeps them, a JSON object a line; of an edited text its digest alone.

        The text itself stands among the version's turns, from where it can be erased.
        """
        lines = []
        for word in self.words:
            edits = {turn: [seen, _sha256(after)] for turn, (seen, after) in word.edits.items()}
            lines.append(canonical_json({"id": word.id, **asdict(word), "edits": edits}) + b"\n")
        return b"".join(lines)

    @property
    def digest(self) -> str:
        """The digest of what a version keeps."""
        return sha256_hex(self.to_bytes())

    def rewrites(self) -> tuple[Repairs, ...]:
        """Return the rewrite that puts what reviewers wrote, if anyone wrote something."""
        edits = {
            bytes.fromhex(word.row): {
                int(turn): (self._bases(word.row, turn, seen), after)
                for turn, (seen, after) in word.edits.items()
            }
            for word in self.words
            if word.act in EDITING
        }
        return (Repairs(edits),) if edits else ()

    def _bases(self, row: str, turn: str, seen: str) -> frozenset[str]:
        """Return what may stand where a text was edited: what was seen, and what an edit of it was written over."""
        found: list[str] = []
        while seen and seen not in found:
            found.append(seen)
            seen = self.before.get((row, turn, seen), "")
        return frozenset(found)

    def known(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, act, note of the words about rows (row_id, text_digest) as they were seen.

        Of a row that somebody ever edited the id alone is compared: it was seen with one text or the other.
        """
        edited = {row for row, _, _ in self.before}
        said = pl.DataFrame(
            {
                "row_id": [bytes.fromhex(word.row) for word in self.words],
                "seen": [bytes.fromhex(word.text) for word in self.words],
                "act": [str(word.act) for word in self.words],
                "is_edited": [word.row in edited for word in self.words],
                "note": [in_words(word) for word in self.words],
            },
            schema={
                "row_id": pl.Binary,
                "seen": pl.Binary,
                "act": pl.String,
                "is_edited": pl.Boolean,
                "note": pl.String,
            },
        )
        found = said.join(
            rows.select("row_id", "text_digest"), on="row_id", how="inner", maintain_order="left"
        )
        as_seen = pl.col("is_edited") | (pl.col("seen") == pl.col("text_digest"))
        return found.filter(as_seen).select("row_id", "act", "note")

    def kept(self, rows: pl.DataFrame) -> pl.Series:
        """Return the ids of the rows that a person keeps, whatever a rule or a monitor says."""
        return self.known(rows).filter(pl.col("act") != Act.DROP)["row_id"]

    def findings(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that a person drops (schema FINDINGS)."""
        dropped = self.known(rows).filter(pl.col("act") == Act.DROP)
        if dropped.is_empty():
            return empty(FINDINGS)
        return conform(
            dropped.with_columns(
                verdict=pl.lit(Verdict.DROP.value), stage=pl.lit(STAGE), reason=pl.lit(DROPPED)
            ),
            FINDINGS,
        )

    def actions(self, rows: pl.DataFrame) -> list[dict[str, Any]]:
        """Return a line for each act and author, and one for each reason why words are not acted on."""
        known = set(self.known(rows)["row_id"])
        counts = Counter((str(word.act), word.by) for word in self.words if bytes.fromhex(word.row) in known)
        done = [
            {
                "action": act,
                "target": _rows(n),
                "evidence": f"{by} looked at {'it' if n == 1 else 'them'} and said so",
                "reverse": f"tilth review undo {self.name} --by {shlex.quote(by)} --act {act}",
                "record": self.digest,
            }
            for (act, by), n in sorted(counts.items())
        ]
        stale = len(self.words) - len(known)
        left = self.left | ({"judged rows that changed or are gone since": stale} if stale else {})
        return done + [
            {"action": "leave", "target": _rows(n), "evidence": why, "reverse": "", "record": self.digest}
            for why, n in left.items()
        ]


NOBODY = Review()


def review_of(name: str, log: Read, ignore: Iterable[str] = ()) -> Review:
    """Return what the log of a name comes to. ignore: ids of judgements, or beginnings of at least 8 digits."""
    ignored = tuple(prefix for prefix in ignore if len(prefix) >= MIN_PREFIX)
    heard = [one for one in log.judgements if not (ignored and one.id.startswith(ignored))]
    where = standings(heard)
    words = tuple(word for row in sorted(where) if (word := where[row].final) is not None)
    left = {
        "ignored by the recipe": len(log.judgements) - len(heard),
        "reviewers disagree; settle it with `tilth serve`": sum(one.is_disputed for one in where.values()),
        "damaged lines of the review log": log.damaged,
    }
    before = {
        (one.row, turn, _sha256(after)): seen for one in heard for turn, (seen, after) in one.edits.items()
    }
    return Review(name, words, {why: n for why, n in left.items() if n}, before)


def in_words(word: Judgement) -> str:
    """Return who said it, when and why."""
    return f"{word.by}, {word.at[:10]}" + (f": {word.note}" if word.note else "")


def _rows(number: int) -> str:
    return f"{number:,} {'row' if number == 1 else 'rows'}"


def _sha256(text: str) -> str:
    return sha256(text.encode()).hexdigest()
