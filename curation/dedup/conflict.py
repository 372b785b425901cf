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
        asked = rows.filter(pl.col("shape").cast(pl.String).is_in(_ANSWERED))
        prompts = texts.each(asked, _digests)
        # Few rows share even half a digest; only these are grouped.
        repeated = prompts.filter(pl.col("low").is_duplicated() & pl.col("low").is_not_null())
        again = asked.join(repeated.select("row_id"), on="row_id", how="semi", maintain_order="left")
        answer, length = pl.col("answer"), pl.col("answer").str.len_chars() - 2
        return (
            repeated.join(texts.each(again, _answers), on="row_id")
            .with_columns(answers=answer.n_unique().over(_PROMPT), longest=length.max().over(_PROMPT))
            .filter(pl.col("answers") > 1)
            .sort("row_id")
            .with_columns(shortest=answer.sort_by(length, answer).first().over(_PROMPT))
            .with_columns(holds=answer.str.contains(pl.col("shortest"), literal=True))
            .with_columns(
                nested=(pl.col("holds") & (answer != pl.col("shortest"))).any().over(_PROMPT),
                numeric=answer.str.contains(_NUMBER).all().over(_PROMPT),
            )
            .with_columns(is_closed=(pl.col("numeric") | pl.col("asks_for_one")) & ~pl.col("has_many"))
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


def _answers(rows: pl.DataFrame, texts: Texts) -> pl.DataFrame:
    """Return row_id, answer, asks_for_one and has_many.

    answer: the response without case and signs, a blank before and behind it. asks_for_one: whether the prompt, by its
    words, has one right answer. has_many: whether it asks for any of many.
    """
    ids = rows["row_id"]
    plain = (
        plain_numbers(texts.responses(ids))
        .str.to_lowercase()
        .str.replace_all(_SIGNS, " ")
        .str.strip_chars(" ")
    )
    asked = pl.DataFrame({"row_id": ids, "answer": " " + plain + " ", "prompt": texts.prompts(ids)})
    said = pl.col("prompt").str
    words = said.count_matches(r"[^\s\p{Han}\p{Hiragana}\p{Katakana}]+") + (
        said.count_matches(r"[\p{Han}\p{Hiragana}\p{Katakana}]") // 2
    )
    is_fact = said.contains(ASKS_FOR_A_FACT) & (words >= MIN_FACT_WORDS)
    ends = pl.concat_str(said.head(_HEAD_CHARS), said.tail(_TAIL_CHARS), separator="\n")
    is_talk = (words <= SMALL_TALK_WORDS) & said.contains(SMALL_TALK)
    return asked.select(
        "row_id",
        "answer",
        asks_for_one=is_fact | (words >= MIN_CONTEXT_WORDS),
        has_many=is_talk | ends.str.contains(HAS_MANY_ANSWERS),
    )


def _digests(rows: pl.DataFrame, texts: Texts) -> pl.DataFrame:
    """Return row_id and a digest of the prompt without blanks, the sign at its end and the case of its first letter.

    Null for an empty one. Case inside is meaning ("March", `getUserName`) unless all is written in capitals; so is
    the indentation of code.
    In two columns of 64 bits, which take a third of the memory of 16 bytes.
    """
    ids = rows["row_id"]
    plain = with_levels(texts.prompts(ids)).str.replace_all(r"\s+", " ").str.strip_chars(" .?!:")
    shouted = (plain == plain.str.to_uppercase()) & plain.str.contains(r"\p{Lu}")
    first_lowered = plain.str.head(1).str.to_lowercase() + plain.str.slice(1)
    plain = first_lowered.zip_with(~shouted, plain.str.to_lowercase())
    digests = [hashlib.blake2b(text.encode(), digest_size=_DIGEST_BYTES).digest() for text in plain.to_list()]
    halves = pl.from_numpy(np.frombuffer(b"".join(digests), np.uint64).reshape(-1, 2), schema=list(_PROMPT))
    return halves.select(ids, pl.when(plain != "").then(pl.all()))
