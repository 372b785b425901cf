"""One sentence many times over in an answer: a generator that ran in a circle, or a paste that slipped."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.language import CODE
from tilth.curation.rules.response import GOOD_RESPONSES, has_role, previous
from tilth.curation.stage import Count, Phase, Rule, limit, stage
from tilth.shards.tables import Verdict

_END = r"[.!?。！？\n]"
_PART = r"[\pL][^.!?。！？\n]{7,}"  # cheap: what may be a sentence, blanks before it left out
_CODE_SIGN = re.compile(r"[(){}\[\];=<>_\\|]")  # a statement of a program, a row of a table
_SENTENCE = re.compile(r"[^.!?。！？\n]+[.!?。！？\n]*")
_LETTERS = re.compile(r"[^\W\d_]")
MIN_LETTERS = 12  # of a sentence; "Yes." and "Step 1" come back in any text
WANTS_REPEATS = (
    r"(?i)repeat|again|times(?-u:\b)|song|lyric|chorus|refrain|verse|poem|poet|chant|mantra|prayer|rhyme|loop|affirmation|"
    r"drill|list|table|csv|data ?set|code|program|script|print|output|dialog|conversation|play(?-u:\b)|"
    r"wiederhol|lied|gedicht|r[eé]p[eéè]t|chanson|poème|repit|repet|canci|poema|ripet|canzon|повтор|песн|стих|重复|重複|歌|诗|詩|繰り返|반복|노래"
)


@stage("repeats", order=85)
@dataclass(frozen=True)
class Repeats:
    """Tag answers that hold one sentence more than `max_times` times.

    Case, blanks and marks do not count, numbers do; a sentence has 12 letters or more. Code is passed over, and so
    is an answer whose prompt asks for a song, a list, a table or a repetition.
    """

    max_times: Count = limit(3)  # how often one sentence may stand in an answer
    verdict: Verdict = limit(Verdict.KEEP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and how often the commonest sentence stands in a response; 0 where it was wanted.

        Responses in which no sentence comes twice are left out.
        """
        spoken = turns.select("row_id", "turn", "role", "text", asked=previous("text")).filter(
            has_role(GOOD_RESPONSES), pl.col("text").str.len_chars() >= 4 * MIN_LETTERS
        )
        parts = pl.col("text").str.extract_all(_PART)
        spoken = spoken.filter(pl.col("text").str.count_matches(_END) >= 3)
        suspects = spoken.filter(parts.list.len() > parts.list.n_unique())
        wanted = pl.col("asked").str.contains(WANTS_REPEATS).fill_null(False)
        prose = suspects.select(pl.when(~wanted).then(pl.col("text").str.replace_all(CODE, "\n"))).to_series()
        times = [float(commonest(text or "")) for text in prose]
        return suspects.select("row_id", "turn").with_columns(times=pl.Series(times, dtype=pl.Float64))

    def rules(self) -> tuple[Rule, ...]:
        """Return the one rule."""
        return (Rule("times", "repeated_sentence", high=self.max_times, verdict=self.verdict),)


def commonest(text: str) -> int:
    """Return how often the commonest sentence of a text stands in it."""
    sentences = (
        " ".join(re.findall(r"\w+", found.lower()))
        for found in _SENTENCE.findall(text)
        if not _CODE_SIGN.search(found)
    )
    counts = Counter(one for one in sentences if len(one) >= MIN_LETTERS)
    return next((n for one, n in counts.most_common() if len(_LETTERS.findall(one)) >= MIN_LETTERS), 0)
