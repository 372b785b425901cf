"""Personal data and secrets: replaced by their kind, or the row tagged, dropped or set aside for them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.pii import KINDS
from tilth.curation.pii.pattern import KindName
from tilth.curation.pii.redaction import KEPT, redact_rows
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Verdict

_VERDICTS = {"tag": Verdict.KEEP, "drop": Verdict.DROP, "quarantine": Verdict.QUARANTINE}


@stage("pii", order=20)
@dataclass(frozen=True)
class Pii:
    """Replace personal data and secrets in all that a row holds; one value is one placeholder in a row.

    Looked at are text, reasoning, names, tool calls with their ids, arguments and the keys of these, tool results, tool
    definitions, attributes, licence and group. JSON stays JSON: a number that is replaced becomes a string.
    action: `redact` writes [EMAIL_1], [PHONE_1] … and keeps the row; `tag`, `drop` and `quarantine` leave it as it
    is and say so of it. kinds: which of key, email, iban, card, national_id, phone, ip. task: the verdict on
    rows that are about an address ("convert this IPv4 address to binary"), whose turns are left as they are. Names,
    postal addresses and obfuscated forms ("bob at firm dot org") are not looked for.
    """

    action: Literal["redact", "tag", "drop", "quarantine"] = "redact"
    kinds: tuple[KindName, ...] = KINDS
    task: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.REWRITE
    unit: ClassVar[Literal["row", "turn"]] = "turn"
    withholds: ClassVar[bool] = True

    def rewrite(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return the turns with the same keys; as they are if the action is not to redact, but for `changes`."""
        redacted = redact_rows(turns, self.kinds)
        return redacted if self.action == "redact" else turns.with_columns(redacted["changes"])

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and the hits of each kind, or whether they are the task, for turns that have any."""
        if "changes" not in turns.columns:
            turns = redact_rows(turns, self.kinds)
        said = turns.select("row_id", "turn", "changes")
        found = said.filter(pl.col("changes").is_not_null()).explode("changes").unnest("changes")
        names = {"task": KEPT} if self.action == "redact" else {kind: kind for kind in self.kinds}
        counted = found.filter(pl.col("kind").is_in(list(names.values()))).group_by(
            "row_id", "turn", maintain_order=True
        )
        return counted.agg(
            (pl.col("kind") == kind).sum().cast(pl.Float64).alias(name) for name, kind in names.items()
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule a kind; where text is redacted, the one of rows that are about an address."""
        if self.action == "redact":
            return (Rule("task", "personal_data_is_the_task", high=0, verdict=self.task),)
        return tuple(
            Rule(kind, f"holds_{kind}", high=0, verdict=_VERDICTS[self.action]) for kind in self.kinds
        )
