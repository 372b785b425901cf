"""Documents that are chats with a template around them: they would be learned with their prompts and foreign marks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.rules.response import has_role, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

# A turn that asks at the start of a text or after a short preamble, and one that answers behind it.
_ASKS = (
    r"(?:<\|im_start\|>\s*(?:user|system)|<\|start_header_id\|>\s*(?:user|system)|<start_of_turn>\s*user|"
    r"<\|(?:user|system)\|>|<｜User｜>|\[INST\]|<\|USER\|>|#{2,3} ?(?:Human|User|Instruction|Input|Question): ?|"
    r"(?:Human|USER|User): )"
)
_ANSWERS = (
    r"(?:<\|im_start\|>\s*assistant|<\|start_header_id\|>\s*assistant|<start_of_turn>\s*model|<\|assistant\|>|"
    r"<｜Assistant｜>|\[/INST\]|<\|ASSISTANT\|>|#{2,3} ?(?:Assistant|Response|Answer|Output|AI|GPT): ?|"
    r"\n\s*(?:Assistant|ASSISTANT|AI|GPT): )"
)
RENDERED = rf"\A(?s:.{{0,400}}?){_ASKS}(?s:.+?){_ANSWERS}"


@stage("rendered", order=31)
@dataclass(frozen=True)
class Rendered:
    """Tag documents that are chats already rendered by a template (ChatML, [INST], ### Human:, Alpaca).

    As documents they are learned whole, prompts and a foreign template's marks included; as chats their answers would
    be. Code is passed over: it may well be about templates.
    """

    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn, and whether a document is a rendered chat; documents without a mark are left out."""
        suspects = turns.filter(has_role((Role.DOCUMENT,)), pl.col("text").str.contains(_ASKS))
        return suspects.select(
            "row_id", "turn", chat=where(pl.col("text").str.replace_all(CODE, " ").str.contains(RENDERED))
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return the one rule."""
        return (Rule("chat", "rendered_chat", high=0, verdict=self.verdict),)
