"""Small drafts of versions for tests: a few lines of input and what was decided about them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tilth.shards.digest import row_id, sha256_hex, text_digests
from tilth.shards.feedback import FeedbackHeader
from tilth.shards.publish import Draft, Lines
from tilth.shards.tables import DECISIONS, OCCURRENCES, ROWS, TURNS, conform
from tilth.shards.version import Version

KEPT: dict[str, Any] = {"verdict": "keep", "split": "train", "fold": 0, "slice": "s", "weight": 1_000_000}


@dataclass(frozen=True)
class Line:
    """A line of input: a prompt and its answer, or the reason for which it could not be read."""

    prompt: str | None = None
    answer: str = "yes"
    reason: str | None = None
    path: str = "a.jsonl"
    rewritten: str | None = None  # the prompt after rewrites
    system: str | None = None
    rejected: str | None = None  # of a preference pair, whose `answer` is the chosen one
    decision: dict[str, Any] = field(default_factory=lambda: dict(KEPT))

    @property
    def row_id(self) -> bytes:
        return row_id(self.shape, self.turns(self.prompt), None)

    @property
    def shape(self) -> str:
        return "chat" if self.rejected is None else "preference"

    def turns(self, prompt: str | None) -> list[dict[str, Any]]:
        """Return the turns of the row."""
        said = [("system", self.system), ("user", prompt)]
        said += [("assistant", self.answer)] if self.rejected is None else []
        said += [("chosen", self.answer), ("rejected", self.rejected)] if self.rejected is not None else []
        return [{"role": role, "text": text} for role, text in said if role != "system" or text is not None]


def dropped(stage: str, reason: str, **values: Any) -> dict[str, Any]:
    """Return a decision that drops a row."""
    return {"verdict": "drop", "stage": stage, "reason": reason, **values}


def make_draft(lines: list[Line], **fields: Any) -> Draft:
    """Return a draft with these lines, numbered within their path. Further fields go to Draft."""
    numbers: dict[str, int] = {}
    occurrences, rows, decisions, turns = [], {}, {}, []
    for line in lines:
        numbers[line.path] = numbers.get(line.path, 0) + 1
        place = {"source_path": line.path, "source": "src", "line": numbers[line.path]}
        place["file_digest"] = bytes.fromhex(sha256_hex(line.path.encode()))
        if line.prompt is None:
            occurrences.append({**place, "reader_reason": line.reason})
            continue
        key = line.row_id
        occurrences.append({**place, "row_id": key})
        if key not in rows:
            rows[key] = {"row_id": key, "shape": line.shape, "source": "src"}
            decisions[key] = {"row_id": key, **line.decision}
            for number, turn in enumerate(line.turns(line.rewritten or line.prompt)):
                turns.append({"row_id": key, "turn": number, **turn})
    turn_frame = _frame(turns, TURNS)
    row_frame = _frame(list(rows.values()), ROWS)
    digests = text_digests(row_frame, turn_frame)
    row_frame = conform(row_frame.drop("text_digest").join(digests, on="row_id"), ROWS)
    measures = row_frame.select("row_id", turn=pl.lit(None, pl.UInt16), length=pl.lit(3.0))
    fields = {
        "sources": [sha256_hex(p.encode()) for p in numbers],
        "recipe_digest": sha256_hex(b"recipe"),
        **fields,
    }
    return Draft(
        rows=row_frame,
        decisions=_frame(list(decisions.values()), DECISIONS),
        occurrences=_frame(occurrences, OCCURRENCES),
        measures=lines_of(measures),
        turns=lines_of(turn_frame),
        **fields,
    )


def lines_of(frame: pl.DataFrame) -> Lines:
    """Return what hands over the lines of a frame that belong to the rows asked for."""
    return lambda row_ids: frame.filter(pl.col("row_id").is_in(row_ids.implode()))


def small_lines() -> list[Line]:
    """Return six lines: kept in two splits, dropped with a witness, a repeat, one that could not be read."""
    first = Line("one")
    return [
        first,
        Line("two", decision=KEPT | {"split": "feedback", "fold": 3}),
        Line(
            "ONE",
            decision=dropped("dedup", "near_duplicate", value=0.9, threshold=0.8, witness_id=first.row_id),
        ),
        Line(reason="invalid_json"),
        first,
        Line("three", path="b.jsonl", decision=KEPT | {"weight": 500_000}),
    ]


def feedback_of(of: Version, **fields: Any) -> FeedbackHeader:
    """Return the header of a feedback record of a version."""
    values: dict[str, Any] = {
        "run_id": "run-1",
        "version": of.id,
        "content_id": of.manifest.content_id,
        "recipe_digest": sha256_hex(b"recipe"),
        "base_digest": sha256_hex(b"base"),
        "seeds": [0],
        "steps": 10,
        "tokens": 100,
        "twin_folds": [0],
        "row_count": 0,
        "rows": "",
        "slices": "",
    }
    return FeedbackHeader(**{**values, **fields})


def _frame(values: list[dict[str, Any]], schema: pl.Schema) -> pl.DataFrame:
    return conform(pl.DataFrame(values, schema={**schema}), schema)
