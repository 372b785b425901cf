"""The language of a row, and answers in another language than the question."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import LETTERS_PER_WIDE, UNKNOWN, WIDE, Code, identify_prose, prose
from tilth.curation.language.names import is_named
from tilth.curation.rules.response import GOOD_RESPONSES, RESPONSES, has_role, is_learned, where
from tilth.curation.stage import Count, Phase, Rule, Share, limit, stage
from tilth.shards.tables import Role, Verdict

# A prompt that speaks of translating, or names a language, may well want an answer in another one; names.py knows
# what each language is called in the others.
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

# Of a turn: six times what the language of its prose is told by.
READ_CHARS = 60_000
# Of the characters of a response that are no blanks; below, it is sums, tables or symbols.
MIN_LETTER_SHARE = 0.6


_MIN_NATS = 20.0  # n-grams overlap: about 3 in the logit


@stage("language", order=70)
@dataclass(frozen=True)
class Language:
    """Tag rows answered in another language than asked; drop rows in a language that `keep` leaves out.

    keep: language codes (ISO 639-1). A row whose response shows no certain language (a name, a number, code)
    goes by its prompt, unless the response reads like one of `keep`; one in which neither is certain is kept.
    min_confidence, min_letters: from where on the language of a prompt or response is certain; a Chinese,
    Japanese or Korean letter counts as three. min_lead: by how much the response
    must fit its language better than that of the prompt, as a share of what is typical of these two; a list of
    foreign names in an English answer stays below 0.4. Being a share, it serves near languages (es, pt) too,
    where a longer answer is needed to reach 20 nats.
    """

    keep: tuple[Code, ...] | None = None
    min_confidence: Share = 0.7
    min_letters: Count = 40
    min_lead: Share = 0.4
    mismatch: Verdict = limit(Verdict.KEEP)  # what becomes of a row answered in another language than asked

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "row"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id and, with code left out and the user turns taken together:

        language: of the response where that is certain, else of the prompt (short answers, code)
        response_language, confidence: of the response with the most letters; prompt_language
        mismatch: 1.0 if a response and the prompt are certain and differ, and no language was asked for
        outside: 1.0 if the language of the response, or of a prompt with a response that shows none, is certain
        and not one of `keep`; null without `keep`
        """
        text = turns.select(
            "row_id", "turn", "role", "learned", prose=prose(pl.col("text").str.head(READ_CHARS))
        )
        prompts = self._prompts(text)
        responses = self._responses(text, prompts)
        mismatched = self._mismatched(responses, turns)
        longest = pl.col("language", "confidence", "certain", "leads").sort_by(
            "letters", "turn", descending=[True, False]
        )
        rows = prompts.join(
            responses.group_by("row_id", maintain_order=True).agg(longest.first()),
            on="row_id",
            how="left",
            maintain_order="left",
        ).with_columns(
            pl.col("language").fill_null(UNKNOWN),
            pl.col("confidence").fill_null(0.0),
            pl.col("certain", "leads").fill_null(False),
        )
        prompt, response = pl.col("prompt_language"), pl.col("language")
        shown = pl.col("certain") & pl.col("leads")
        language = pl.when(shown | (prompt == UNKNOWN)).then(response).otherwise(prompt)
        outside = pl.lit(None, pl.Float64)
        if self.keep:
            foreign = pl.col("certain") & ~response.is_in(self.keep)
            kept_by_answer = response.is_in(self.keep) & (pl.col("confidence") >= self.min_confidence)
            by_prompt = ~pl.col("certain") & pl.col("prompt_certain") & ~kept_by_answer
            outside = where(
                (foreign & (pl.col("leads") | ~prompt.is_in(self.keep)))
                | (by_prompt & ~prompt.is_in(self.keep))
            )
        return rows.select(
            "row_id",
            language=language,
            response_language=response,
            confidence="confidence",
            prompt_language=prompt,
            mismatch=where(pl.col("row_id").is_in(mismatched.implode())),
            outside=outside,
        )

    def _prompts(self, text: pl.DataFrame) -> pl.DataFrame:
        """Return every row_id with the language of its user turns and whether that is certain."""
        asked = pl.col("prose").filter(has_role((Role.USER,))).str.join("\n")
        rows = text.group_by("row_id", maintain_order=True).agg(asked)
        found = identify_prose(rows["prose"])
        return rows.select("row_id").hstack(
            found.select(prompt_language="language", prompt_certain=self._certain())
        )

    def _responses(self, text: pl.DataFrame, prompts: pl.DataFrame) -> pl.DataFrame:
        """Return every response with its language, and whether it leads that of the prompt clearly."""
        said = text.filter(has_role(GOOD_RESPONSES) & is_learned()).join(
            prompts, on="row_id", how="left", maintain_order="left"
        )
        found = identify_prose(said["prose"], said["prompt_language"])
        leads = (pl.col("lead") >= self.min_lead) & (pl.col("nats") >= _MIN_NATS)
        return said.drop("role", "learned").hstack(found).with_columns(certain=self._certain(), leads=leads)

    def _certain(self) -> pl.Expr:
        return (
            (pl.col("language") != UNKNOWN)
            & (pl.col("confidence") >= self.min_confidence)
            & (pl.col("letters") >= self.min_letters)
        )

    def _mismatched(self, responses: pl.DataFrame, turns: pl.DataFrame) -> pl.Series:
        """Return the ids of the rows answered in another language without having been asked to.

        A response made of names and numbers shows no language, and one copied from the prompt is a quotation.
        """
        differs = (pl.col("language") != pl.col("prompt_language")) & pl.col("leads")
        suspects = responses.filter(pl.col("prompt_certain") & pl.col("certain") & differs)
        words = pl.col("prose").str.to_lowercase().str.extract_all(r"\pL+").list.unique()
        said = words.list.join("").str
        says_enough = said.len_chars() + (LETTERS_PER_WIDE - 1) * said.count_matches(WIDE) >= self.min_letters
        is_prose = pl.col("letters") >= MIN_LETTER_SHARE * pl.col("prose").str.count_matches(r"\S")
        suspects = suspects.filter(says_enough & is_prose)
        asked = (
            turns.filter(pl.col("row_id").is_in(suspects["row_id"].implode()) & ~has_role(RESPONSES))
            .group_by("row_id", maintain_order=True)
            .agg(asked=pl.col("text").str.join("\n"))
        )
        excused = pl.col("asked").str.contains(ASKS_FOR_LANGUAGE) | pl.col("asked").str.contains(
            pl.col("prose").str.strip_chars(), literal=True
        )
        left = suspects.join(asked, on="row_id", how="left", maintain_order="left").filter(
            ~excused.fill_null(False)
        )
        asked_for = [
            is_named(*cells) for cells in left.select("language", "asked", "prompt_language").iter_rows()
        ]
        return left.filter(~pl.Series(asked_for, dtype=pl.Boolean))["row_id"].unique(maintain_order=True)

    def rules(self) -> tuple[Rule, ...]:
        """Return the rule over the languages to keep and the one over mismatches."""
        return (
            Rule("outside", "language_not_kept", high=0),
            Rule("mismatch", "answered_in_another_language", high=0, verdict=self.mismatch),
        )
