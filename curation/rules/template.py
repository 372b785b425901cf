"""Traces of a chat template, or of a second row, left in the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.rules.asked import ABOUT_FORM, ABOUT_MARKUP, WANTS_TALK
from tilth.curation.rules.response import ANSWERS, ASKS_FOR_A_PART, has_role, previous, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

_TOKEN = (
    r"(?:<\|(?:im_start|im_end|im_sep|endoftext|eot_id|eom_id|end_of_text|begin_of_text|start_header_id"
    r"|end_header_id|end|user|assistant|system|eot|pad|bos|eos|begin_of_sentence|end_of_sentence|"
    r"startoftext)\|>"
    r"|<｜(?:begin▁of▁sentence|end▁of▁sentence|User|Assistant)｜>|<(?:start|end)_of_turn>|<(?:bos|eos|pad)>"
    r"|\[/?INST\]|<</?SYS>>)"
)
# A token at either end of a line, or with text glued to both its sides, was rendered; elsewhere it is talked about.
TOKEN = rf"(?m)^[ \t]*{_TOKEN}|{_TOKEN}[ \t]*$|[\pL\pN.!?]{_TOKEN}[\pL\pN<\[]|</s>\s*<s>"
HEADING = r"(?m)^[ \t]*(?:#{2,3} ?(?:Instruction|Input|Response|Human|Assistant):|\d{1,2}\.\s?Instruction:)"
# What rendering puts into a prompt: tokens, headings with what Alpaca says before them.
_RENDERED = (
    rf"{_TOKEN}|</?s>|{HEADING}|Below is an instruction[^\n]*|"
    r"Write a response that appropriately completes the request\.?"
)
# Another user's turn, then another answer, inside one answer.
MERGED = (
    r"\n\s*(?:#{2,3} ?)?(?:Human|User|USER|HUMAN|"
    r"### User): ?[^\n]+\n(?:[^\n]*\n){0,40}?\s*(?:#{2,3} ?)?(?:Assistant|ASSISTANT|AI|Bot|GPT|"
    r"ChatGPT):|\n\s*(?:Human|HUMAN):[^\n]*\z"
)
# The fields of a second row behind the end of an answer: an instruction or question, then its answer.
SECOND_INSTRUCTION = (
    r"\n[ \t]*(?:#{2,3} ?)?(?:Instruction|INSTRUCTION|Task|Prompt):[^\n]*\n(?:[^\n]*\n){0,40}?"
    r"[ \t]*(?:#{2,3} ?)?(?:Output|OUTPUT|Response|RESPONSE|Answer|Completion):"
)
SECOND_QUESTION = r"\n[ \t]*\n[ \t]*(?:Question|Q): ?[^\n]+\n+[ \t]*(?:Answer|A): ?[^\n]*\S[^\n]*\s*\z"
# Prompts that may want such fields: a data set, a quiz, examples, or one that has the labels itself.
WANTS_FIELDS = (
    r"(?i)instruction|input|output|prompts?\b|data ?set|training data|template|format|few-shot|fine-?tun|"
    r"test cases?"
)
WANTS_QUESTIONS = (
    rf"{WANTS_FIELDS}|question|quiz|trivia|riddle|q ?& ?a|q/a|\bq:|faq|interview|exam|exercise|test\b|flash ?card|"
    r"jeopardy|joke|dialog|conversation|pairs?\b"
)
# What every trace has in it.
_TRACE = (
    r"<\||<｜|_of_turn>|INST\]|SYS>>|<bos>|<eos>|<pad>|<s>|</s>|##+ ?[IRHA]|Instruction:|Human:|HUMAN:|"
    r"User:|USER:|INSTRUCTION:|\n[ \t]*(?:Task|Prompt|Question|Q):"
)
# Begin and end of sequence; `<s>` is also struck-out text, so it counts only unpaired.
SEQUENCE_EDGE = r"^\s*<s>|</s>\s*$"


@stage("template", order=30)
@dataclass(frozen=True)
class Template:
    """Tag rows with template tokens, headings or a second exchange in an answer, or a whole template in a prompt.

    Code is passed over: it may well be about templates. So are tokens and headings where the prompt is about
    markup, prompts or models, headings where it is about the form of a document, and a second exchange where it may
    want people to talk.
    """

    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and the number of template traces in the answer or the prompt, and merged turns.

        Turns without anything like a trace are left out.
        """
        spoken = turns.select("row_id", "turn", "role", "text", asked=previous("text")).filter(
            has_role((*ANSWERS, Role.REJECTED, Role.USER))
        )
        prose = pl.col("text").str.replace_all(CODE, " ")
        suspects = spoken.filter(pl.col("text").str.contains(_TRACE)).with_columns(prose=prose)
        prose = pl.col("prose")
        opened, closed = (prose.str.count_matches(mark, literal=True) for mark in ("<s>", "</s>"))
        unpaired = prose.str.contains(SEQUENCE_EDGE) & (opened != closed)
        is_prompt = has_role((Role.USER,))
        # A prompt with a template around it says nothing of what it is about but between its traces.
        about = (
            pl.when(is_prompt)
            .then(prose.str.replace_all(_RENDERED, " "))
            .otherwise(pl.col("asked").fill_null(""))
        )
        tokens, headings = prose.str.count_matches(TOKEN), prose.str.count_matches(HEADING)
        traces = (
            pl.when(about.str.contains(ABOUT_MARKUP))
            .then(0.0)
            .when(about.str.contains(ABOUT_FORM))
            .then(tokens + unpaired.cast(pl.UInt32))
            .otherwise(tokens + headings + unpaired.cast(pl.UInt32))
            .cast(pl.Float64)
        )
        wanted = pl.col("asked").str.contains(WANTS_TALK).fill_null(False)
        wanted |= pl.col("asked").str.contains(ASKS_FOR_A_PART).fill_null(False)
        asked = pl.col("asked").fill_null("").str
        second_row = (prose.str.contains(SECOND_INSTRUCTION) & ~asked.contains(WANTS_FIELDS)) | (
            prose.str.contains(SECOND_QUESTION) & ~asked.contains(WANTS_QUESTIONS)
        )
        second_row &= (traces == 0) & ~wanted
        return suspects.select(
            "row_id",
            "turn",
            answer=pl.when(~is_prompt).then(traces),
            prompt=pl.when(is_prompt).then(traces),
            merged=pl.when(~is_prompt).then(where((prose.str.contains(MERGED) & ~wanted) | second_row)),
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule for answers and one for prompts, where a single trace may be a quotation."""
        return (
            Rule("answer", "leaked_template", high=0, verdict=self.verdict),
            Rule("merged", "merged_turns", high=0, verdict=self.verdict),
            Rule("prompt", "leaked_template_in_prompt", high=1, verdict=self.verdict),
        )
