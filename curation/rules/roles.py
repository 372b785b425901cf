"""Conversations whose turns are out of order, end without a response, or lose a tool call."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.rules.response import following, has_role, previous, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

# Which role may follow which; "" is the start of a row.
FOLLOWS = {
    "": (Role.SYSTEM, Role.DEVELOPER, Role.USER, Role.DOCUMENT),
    Role.SYSTEM: (Role.DEVELOPER, Role.USER),
    Role.DEVELOPER: (Role.USER,),
    Role.USER: (Role.ASSISTANT, Role.CHOSEN),
    Role.ASSISTANT: (Role.USER, Role.TOOL),
    Role.TOOL: (Role.TOOL, Role.ASSISTANT, Role.CHOSEN),
    Role.CHOSEN: (Role.REJECTED,),
}
LAST = (Role.ASSISTANT, Role.REJECTED, Role.DOCUMENT)
# What a call written into the text has in it: Hermes' tags, Glaive's, JSON, ReAct's "Action:", a Python call.
WRITTEN_CALL = r"[{<(\[`]|(?i:action|call|function|tool)"
_PAIRS = [f"{first}>{second}" for first, seconds in FOLLOWS.items() for second in seconds]


@stage("roles", order=10)
@dataclass(frozen=True)
class Roles:
    """Drop rows that no chat template renders as they were meant.

    An optional system or developer turn, then user and assistant in turn with tool turns between a call and
    its answer, ending with the assistant; a preference pair ends in chosen, rejected; a document is one turn.
    """

    verdict: Verdict = limit(Verdict.DROP)
    trailing_user: Verdict = limit(Verdict.DROP)  # what becomes of a row that ends with a user turn

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "row"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id and how many turns are misplaced, whether the end is missing, and lost tool calls."""
        pair = pl.concat_str(previous("role").cast(pl.String).fill_null(""), pl.col("role"), separator=">")
        last = following("row_id").is_null()
        checked = turns.select(
            "row_id",
            misplaced=where(~pair.is_in(_PAIRS)),
            unfinished=where(last & ~has_role((*LAST, Role.USER))),
            trailing_user=where(last & has_role((Role.USER,))),
        )
        rows = checked.group_by("row_id", maintain_order=True).agg(
            pl.col("misplaced").sum(), pl.col("unfinished").max(), pl.col("trailing_user").max()
        )
        lost = _lost_calls(turns)
        return rows.join(lost, on="row_id", how="left", maintain_order="left")

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules over the order, the end and the tool calls."""
        return (
            Rule("misplaced", "turn_order", high=0, verdict=self.verdict),
            Rule("unfinished", "ends_without_response", high=0, verdict=self.verdict),
            Rule("trailing_user", "ends_with_user", high=0, verdict=self.trailing_user),
            Rule("lost_calls", "tool_call_unanswered", high=0, verdict=self.verdict),
        )


def _lost_calls(turns: pl.DataFrame) -> pl.DataFrame:
    """Return row_id and the number of calls without an answer plus answers without a call, by their ids.

    Calls in the last turn of a row are its response; calls and answers without an id are not compared. In a row
    that defines tools, an answer without an id needs some call right before it, be it written into the text.
    """
    before = previous("role") == Role.ASSISTANT.value
    uncalled = (
        has_role((Role.TOOL,)) & pl.col("tool_call_id").is_null() & before & previous("tool_calls").is_null()
    )
    uncalled_turns = (
        turns.lazy()
        .filter(pl.col("tools").is_not_null())
        .select("row_id", said=previous("text").fill_null(""), uncalled=uncalled)
        .filter(pl.col("uncalled"))
        .filter(~pl.col("said").str.contains(WRITTEN_CALL))
    )
    calls = (
        turns.lazy()
        .select("row_id", "tool_calls", is_last=following("row_id").is_null())
        .filter(pl.col("tool_calls").is_not_null())
        .with_columns(id=pl.col("tool_calls").map_batches(_ids, return_dtype=pl.List(pl.String)))
        .explode("id")
        .select("row_id", "is_last", "id")
        .filter(pl.col("id").is_not_null())
    )
    answers = (
        turns.lazy()
        .filter(has_role((Role.TOOL,)) & pl.col("tool_call_id").is_not_null())
        .select("row_id", id=pl.col("tool_call_id"))
    )
    answered = calls.filter(~pl.col("is_last"))
    return (
        pl.concat(
            [
                answered.join(answers, on=["row_id", "id"], how="anti").select("row_id"),
                answers.join(calls, on=["row_id", "id"], how="anti").select("row_id"),
                uncalled_turns.select("row_id"),
            ]
        )
        .group_by("row_id")
        .agg(lost_calls=pl.len().cast(pl.Float64))
        .collect()
    )


def _ids(calls: pl.Series) -> pl.Series:
    """Return the ids of each turn's calls; not by polars, which refuses integers beyond 128 bits."""
    ids = [
        [call["id"] if isinstance(call.get("id"), str) else None for call in json.loads(text)]
        for text in calls
    ]
    return pl.Series("id", ids, dtype=pl.List(pl.String))
