"""Traces of a chat template, or of a second row, left in the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.response import ANSWERS, has_role
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

_TOKEN = (
    r"(?:<\|(?:im_start|im_end|im_sep|endoftext|eot_id|eom_id|end_of_text|begin_of_text|start_header_id"
    r"|end_header_id|end|user|assistant|system)\|>|<(?:start|end)_of_turn>|\[/?INST\]|<</?SYS>>)"
)
# A token at either end of a line was rendered; in the middle of one it is talked about.
TOKEN = rf"(?m)^[ \t]*{_TOKEN}|{_TOKEN}[ \t]*$"
HEADING = r"(?m)^[ \t]*(?:#{2,3} ?(?:Instruction|Input|Response|Human|Assistant):|\d{1,2}\.\s?Instruction:)"
# Begin and end of sequence; `<s>` is also struck-out text, so it counts only unpaired.
SEQUENCE_EDGE = r"^\s*<s>|</s>\s*$"


@stage("template", order=30)
@dataclass(frozen=True)
class Template:
    """Drop rows with template tokens or headings in an answer, or a whole template in a prompt.

    Code is passed over: it may well be about templates.
    """

    verdict: Verdict = limit(Verdict.DROP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and the number of template traces in the answer or the prompt."""
        prose = pl.col("text").str.replace_all(CODE, " ")
        opened, closed = (prose.str.count_matches(mark, literal=True) for mark in ("<s>", "</s>"))
        unpaired = prose.str.contains(SEQUENCE_EDGE) & (opened != closed)
        traces = (
            prose.str.count_matches(TOKEN).cast(pl.Float64)
            + prose.str.count_matches(HEADING)
            + unpaired.cast(pl.Float64)
        )
        spoken = turns.filter(has_role((*ANSWERS, Role.REJECTED, Role.USER)))
        is_prompt = has_role((Role.USER,))
        return spoken.select("row_id", "turn", "role", traces=traces).select(
            "row_id",
            "turn",
            answer=pl.when(~is_prompt).then("traces"),
            prompt=pl.when(is_prompt).then("traces"),
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule for answers and one for prompts, where a single trace may be a quotation."""
        return (
            Rule("answer", "leaked_template", high=0, verdict=self.verdict),
            Rule("prompt", "leaked_template_in_prompt", high=1, verdict=self.verdict),
        )
