"""The language of a row, and answers in another language than the question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import UNKNOWN, Code, identify_prose, prose
from tilth.curation.response import GOOD_RESPONSES, RESPONSES, has_role, where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

# A prompt that speaks of translating, or names a language, may well want an answer in another one.
ASKS_FOR_LANGUAGE = (
    r"(?i)translat|übersetz|tradu|vertaal|oversett|oversæt|översätt|fordít|přelož|prelož|preved|tłumacz|"
    r"käännä|tõlgi|versk|çevir|terjemah|dịch|μετάφρα|μεταφρά|перев|перекл|превод|ترجم|अनुवाद|แปล|תרג|번역|"
    r"[译譯訳]|language|langue|idioma|lingua|sprache|язык|"
    r"afrikaans|albanian|arabic|bengali|bulgarian|catalan|chinese|mandarin|croatian|czech|danish|dutch|english|"
    r"estonian|finnish|french|german|greek|gujarati|hebrew|hindi|hungarian|indonesian|italian|japanese|kannada|"
    r"korean|latvian|lithuanian|macedonian|malayalam|marathi|nepali|norwegian|persian|farsi|polish|portuguese|"
    r"punjabi|romanian|russian|slovak|sloven|somali|spanish|swahili|swedish|tagalog|filipino|tamil|telugu|thai|"
    r"turkish|ukrainian|urdu|vietnamese|welsh|latin|deutsch|englisch|französisch|spanisch|español|inglés|"
    r"francés|alemán|anglais|français|allemand|espagnol|inglese|francese|tedesco|spagnolo|inglês|английск|"
    r"русск|немецк|французск|英[文语語]|中文|汉语|漢語|日本語|日[语語]|法[语語]|德[语語]|영어|한국어"
)


@stage("language", order=70)
@dataclass(frozen=True)
class Language:
    """Tag rows answered in another language than asked; drop rows in a language that `keep` leaves out.

    keep: language codes (ISO 639-1); a response whose language is not certain is kept. min_confidence,
    min_letters: what both prompt and response must reach to be compared. min_lead: by how many nats per
    letter the response must fit its language better than that of the prompt; a list of foreign names in an
    English answer stays below 0.7, a foreign sentence above, except between near languages (es, pt).
    """

    keep: tuple[Code, ...] | None = None
    min_confidence: float = 0.8
    min_letters: int = 40
    min_lead: float = 0.7
    mismatch: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "row"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id and, over all responses and all user turns without their code:

        language: of the responses where they show it by `min_lead`, else of the prompt (short answers, code)
        response_language, confidence; prompt_language: `unknown` where unsure
        mismatch: 1.0 if both are certain and differ, and no language was asked for
        outside: 1.0 if the response language is certain and not one of `keep`; null without `keep`
        """
        rows = (
            turns.select("row_id", "role", prose=prose(pl.col("text")))
            .group_by("row_id", maintain_order=True)
            .agg(
                prompt=pl.col("prose").filter(has_role((Role.USER,))).str.join("\n"),
                response=pl.col("prose").filter(has_role(GOOD_RESPONSES)).str.join("\n"),
            )
        )
        prompts = identify_prose(rows["prompt"])
        responses = identify_prose(rows["response"], prompts["language"])
        sides = [
            frame.rename(lambda name, s=s: f"{s}_{name}")
            for s, frame in (("prompt", prompts), ("response", responses))
        ]
        found = pl.concat([rows.select("row_id"), *sides], how="horizontal")
        return found.select("row_id", *self._measures(self._mismatched(found, turns)))

    def _mismatched(self, found: pl.DataFrame, turns: pl.DataFrame) -> pl.Series:
        """Return the ids of the rows answered in another language without having been asked to."""
        differs = (pl.col("prompt_language") != pl.col("response_language")) & (
            pl.col("response_lead") >= self.min_lead
        )
        for side in ("prompt", "response"):
            differs &= pl.col(f"{side}_language") != UNKNOWN
            differs &= pl.col(f"{side}_confidence") >= self.min_confidence
            differs &= pl.col(f"{side}_letters") >= self.min_letters
        suspects = found.filter(differs)["row_id"]
        asked = turns.filter(
            pl.col("row_id").is_in(suspects.implode())
            & ~has_role(RESPONSES)
            & pl.col("text").str.contains(ASKS_FOR_LANGUAGE)
        )["row_id"]
        return suspects.filter(~suspects.is_in(asked.implode()))

    def _measures(self, mismatched: pl.Series) -> list[pl.Expr]:
        response, prompt = pl.col("response_language"), pl.col("prompt_language")
        confidence = pl.col("response_confidence")
        sure = (confidence >= self.min_confidence) & (response != UNKNOWN)
        outside = where(sure & ~response.is_in(self.keep)) if self.keep else pl.lit(None, pl.Float64)
        shown = (response != UNKNOWN) & (pl.col("response_lead") >= self.min_lead) & sure
        return [
            pl.when(shown | (prompt == UNKNOWN)).then(response).otherwise(prompt).alias("language"),
            response,
            confidence.alias("confidence"),
            prompt,
            where(pl.col("row_id").is_in(mismatched.implode())).alias("mismatch"),
            outside.alias("outside"),
        ]

    def rules(self) -> tuple[Rule, ...]:
        """Return the rule over the languages to keep and the one over mismatches."""
        return (
            Rule("outside", "language_not_kept", high=0),
            Rule("mismatch", "answered_in_another_language", high=0, verdict=self.mismatch),
        )
