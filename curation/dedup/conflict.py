"""Same prompt, different answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import polars as pl

from tilth.curation.dedup.numbers import plain_numbers
from tilth.curation.rules.asked import (
    ASKS_FOR_A_FACT,
    HAS_MANY_ANSWERS,
    MIN_CONTEXT_WORDS,
    MIN_FACT_WORDS,
    SMALL_TALK,
    SMALL_TALK_WORDS,
)
from tilth.curation.similarity.indentation import with_levels
from tilth.curation.stage import Count, Phase, Texts, limit, stage
from tilth.shards.tables import FINDINGS, Shape, Verdict, empty

_ANSWERED = (Shape.CHAT.value, Shape.INSTRUCTION.value)
_BATCH_ROWS = 20_000
_DIGEST_BYTES = 16
_PROMPT = ("low", "high")
_HEAD_CHARS, _TAIL_CHARS = 80, 120  # where a prompt with a text of its own says what it wants
_NUMBER = r"^ [-+]?[$€£¥]? ?\p{N}[\p{N} ]* ?[%$€£¥°]?\p{L}{0,3} $"
_SIGNS = "[\\s.,;:!?\"'`*$]+"


@stage("conflict")
@dataclass(frozen=True)
class Conflict:
    """Set aside rows that give one prompt different answers, where it can have only one.

    Prompts are equal but for case, blanks and the sign at the end; so are answers, and numbers however they are
    written (15, 15.0). A group is taken to have a single answer when each is at most `max_chars` long (a number,
    a name, a label), the shortest does not stand in another ("72" and "It is 72"), and the prompt asks for one:
    a count, a fact, a label of a text, and no pick, guess, synonym or example, nor what somebody likes. Then some
    answer is wrong, and nothing here says which, so the whole group gets `verdict`. All other groups (chats,
    greetings, stories, code) are open-ended: their rows are only tagged `several_answers`.
    """

    max_chars: Count = limit(16)  # of the longest answer of a group that has a single right one
    verdict: Verdict = limit(Verdict.QUARANTINE)

    phase: ClassVar[Phase] = Phase.CONFLICT

    def evidence(self, rows: pl.DataFrame, texts: Texts) -> pl.DataFrame:
        """Return row_id, answers, longest (characters), nested and is_closed (whether the prompt has one answer)
        where a prompt has several answers."""
        asked = rows.filter(pl.col("shape").cast(pl.String).is_in(_ANSWERED))["row_id"]
        batches = [asked.slice(start, _BATCH_ROWS) for start in range(0, asked.len(), _BATCH_ROWS)]
        nothing = pl.DataFrame(schema=dict.fromkeys(_PROMPT, pl.UInt64))
        prompts = pl.concat([nothing, *(_digests(texts.prompts(ids)) for ids in batches)])
        # Few rows share even half a digest; only these are grouped.
        repeated = prompts["low"].is_duplicated() & prompts["low"].is_not_null()
        ids = asked.filter(repeated)
        answer, length = pl.col("answer"), pl.col("answer").str.len_chars() - 2
        return (
            prompts.filter(repeated)
            .with_columns(row_id=ids, answer=_answers(ids, texts))
            .with_columns(answers=answer.n_unique().over(_PROMPT), longest=length.max().over(_PROMPT))
            .filter(pl.col("answers") > 1)
            .with_columns(shortest=answer.sort_by(length, answer).first().over(_PROMPT))
            .with_columns(holds=answer.str.contains(pl.col("shortest"), literal=True))
            .with_columns(
                nested=(pl.col("holds") & (answer != pl.col("shortest"))).any().over(_PROMPT),
                numeric=answer.str.contains(_NUMBER).all().over(_PROMPT),
            )
            .pipe(_with_closed, texts)
            .select("row_id", "answers", "longest", "nested", "is_closed")
        )

    def decide(self, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of single-answer groups with `verdict`, those of other groups as tags."""
        if not evidence.height:
            return empty(FINDINGS)
        single = (pl.col("longest") <= self.max_chars) & ~pl.col("nested") & pl.col("is_closed")
        return evidence.select(
            "row_id",
            verdict=pl.when(single).then(pl.lit(self.verdict.value)).otherwise(pl.lit(Verdict.KEEP.value)),
            reason=pl.when(single).then(pl.lit("conflicting_answers")).otherwise(pl.lit("several_answers")),
            value=pl.col("answers").cast(pl.Float64),
            threshold=pl.lit(1.0),
        )


def _with_closed(asked: pl.DataFrame, texts: Texts) -> pl.DataFrame:
    """Add is_closed: whether a prompt has one right answer, by its words and whether its answers are `numeric`."""
    prompt = texts.prompts(asked["row_id"]).rename("prompt")
    words = pl.col("prompt").str.count_matches(r"[^\s\p{Han}\p{Hiragana}\p{Katakana}]+") + (
        pl.col("prompt").str.count_matches(r"[\p{Han}\p{Hiragana}\p{Katakana}]") // 2
    )
    is_fact = pl.col("prompt").str.contains(ASKS_FOR_A_FACT) & (words >= MIN_FACT_WORDS)
    closed = pl.col("numeric") | is_fact | (words >= MIN_CONTEXT_WORDS)
    asked = asked.with_columns(prompt)
    said = pl.col("prompt").str
    ends = pl.concat_str(said.head(_HEAD_CHARS), said.tail(_TAIL_CHARS), separator="\n")
    is_talk = (words <= SMALL_TALK_WORDS) & pl.col("prompt").str.contains(SMALL_TALK)
    return asked.with_columns(is_closed=closed & ~is_talk & ~ends.str.contains(HAS_MANY_ANSWERS))


def _answers(row_ids: pl.Series, texts: Texts) -> pl.Series:
    """Return the responses without case and signs, a blank before and behind each."""
    batches = (row_ids.slice(start, _BATCH_ROWS) for start in range(0, row_ids.len(), _BATCH_ROWS))
    plain = [
        " "
        + plain_numbers(texts.responses(ids))
        .str.to_lowercase()
        .str.replace_all(_SIGNS, " ")
        .str.strip_chars(" ")
        + " "
        for ids in batches
    ]
    return pl.concat([pl.Series([], dtype=pl.String), *plain])


def _digests(prompts: pl.Series) -> pl.DataFrame:
    """Return a digest of each prompt without blanks, the sign at its end and the case of its first letter.

    Null for an empty one. Case inside is meaning ("March", `getUserName`) unless all is written in capitals; so is
    the indentation of code.
    In two columns of 64 bits, which take a third of the memory of 16 bytes.
    """
    plain = with_levels(prompts).str.replace_all(r"\s+", " ").str.strip_chars(" .?!:")
    shouted = (plain == plain.str.to_uppercase()) & plain.str.contains(r"\p{Lu}")
    first_lowered = plain.str.head(1).str.to_lowercase() + plain.str.slice(1)
    plain = first_lowered.zip_with(~shouted, plain.str.to_lowercase())
    digests = [hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest() for text in plain.to_list()]
    halves = pl.from_numpy(np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2), schema=list(_PROMPT))
    return halves.select(pl.when(plain != "").then(pl.all()))
