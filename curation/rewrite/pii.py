"""Personal data and secrets: replaced by their kind, or the row tagged, dropped or set aside for them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import orjson
import polars as pl

from tilth.curation.pii import KINDS, find, redact, suspects
from tilth.curation.pii.patterns import KindName
from tilth.curation.stage import Phase, Rule, stage
from tilth.shards.tables import Verdict

_VERDICTS = {"tag": Verdict.KEEP, "drop": Verdict.DROP, "quarantine": Verdict.QUARANTINE}


@stage("pii", order=20)
@dataclass(frozen=True)
class Pii:
    """Replace personal data and secrets in text, reasoning and the strings of tool calls.

    action: `redact` writes [EMAIL], [PHONE] … in its place and keeps the row; `tag`, `drop` and `quarantine`
    leave the text as it is and say so of the row. kinds: which of key, email, iban, card, national_id, phone,
    ip. Names, postal addresses and obfuscated forms ("bob at firm dot org") are not looked for.
    """

    action: Literal["redact", "tag", "drop", "quarantine"] = "redact"
    kinds: tuple[KindName, ...] = KINDS

    phase: ClassVar[Phase] = Phase.REWRITE
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def rewrite(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return the turns with the same keys; as they are if the action is not to redact."""
        if self.action != "redact":
            return turns
        return turns.with_columns(
            redact(turns["text"], self.kinds),
            redact(turns["reasoning"], self.kinds),
            self._redacted_calls(turns["tool_calls"]),
        )

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and the number of hits of each kind, for turns that have any."""
        if self.action == "redact":
            return turns.clear().select("row_id", "turn")
        at = suspects(turns["tool_calls"], self.kinds)
        called = pl.Series([_strings(calls) for calls in turns["tool_calls"].gather(at)], dtype=pl.String)
        in_calls = find(called, self.kinds)
        in_calls = in_calls.with_columns(at.gather(in_calls["index"]).alias("index"))
        found = pl.concat([find(turns["text"], self.kinds), find(turns["reasoning"], self.kinds), in_calls])
        hits = found.group_by("index").agg(
            (pl.col("kind") == kind).sum().cast(pl.Float64).alias(kind) for kind in self.kinds
        )
        keys = turns.select("row_id", "turn").with_row_index()
        return keys.join(hits, on="index", maintain_order="left").drop("index")

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule a kind, none if the action is to redact."""
        if self.action == "redact":
            return ()
        verdict = _VERDICTS[self.action]
        return tuple(Rule(kind, f"holds_{kind}", high=0, verdict=verdict) for kind in self.kinds)

    def _redacted_calls(self, documents: pl.Series) -> pl.Series:
        """Return canonical JSON with its strings redacted; a number in it stays a number."""
        at = suspects(documents, self.kinds)
        changed = [_redacted_json(document, self.kinds) for document in documents.gather(at)]
        return documents.scatter(at, changed) if changed else documents


def _redacted_json(document: str, kinds: tuple[KindName, ...]) -> str:
    def walk(value: Any) -> Any:
        if isinstance(value, str):
            return redact(pl.Series([value]), kinds)[0]
        if isinstance(value, list):
            return [walk(item) for item in value]
        if isinstance(value, dict):
            return {key: walk(item) for key, item in value.items()}
        return value

    return orjson.dumps(walk(orjson.loads(document)), option=orjson.OPT_SORT_KEYS).decode()


def _strings(document: str) -> str:
    """Return the strings of a JSON document, a line each."""

    def walk(value: Any) -> Iterator[str]:
        if isinstance(value, str):
            yield value
        elif isinstance(value, list | dict):
            for item in value.values() if isinstance(value, dict) else value:
                yield from walk(item)

    return "\n".join(walk(orjson.loads(document)))
