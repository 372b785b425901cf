"""The prose filters of Gopher, C4 and FineWeb: a verdict on documents, only figures on chats.

All of them read one set of statistics (`curation/quality`, where each is defined). The bounds are datatrove's
defaults, which are those of the papers. They suit web pages: Gopher's floor of 50 words deletes short answers and
C4's curly bracket deletes code, so on chats these are scores and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.quality import statistics
from tilth.curation.rules.response import ANSWERS, has_role
from tilth.curation.stage import Count, Phase, Ratio, Rule, Share, limit, stage
from tilth.shards.tables import Role, Verdict

Sets = Literal["gopher_quality", "gopher_repetition", "c4", "fineweb"]


def _measure(turns: pl.DataFrame, roles: tuple[Role, ...]) -> pl.DataFrame:
    chosen = turns.filter(has_role(roles) & pl.col("text").is_not_null())
    return chosen.select("row_id", "turn").hstack(statistics(chosen["text"]))


@stage("prose_scores", order=80, default=False)
@dataclass(frozen=True)
class ProseScores:
    """Write down the prose statistics of every answer; they tag and drop nothing."""

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and the columns of `curation.quality.statistics` of each answer."""
        return _measure(turns, ANSWERS)

    def rules(self) -> tuple[Rule, ...]:
        """Return none: these are scores."""
        return ()


@stage("prose", order=80, default=False)
@dataclass(frozen=True)
class Prose:
    """Drop documents that break a prose filter; rows of other shapes are passed over.

    sets: whose rules apply. FineWeb's own pipeline is the default; it runs C4 without the rule that lines end in
    punctuation, which is why C4 has to be asked for. C4 cuts bad lines out of a page and drops what has too few
    sentences left, `lorem ipsum` or a curly bracket. Nothing is cut here: a document is judged by what C4 would
    leave of it (`min_sentences`, and `min_kept_lines` as a share, off by default). A bound of null is off.
    max_top_gram_chars: of 2 to 4 words. max_duplicate_gram_chars: of 5 to 10 words.
    """

    sets: tuple[Sets, ...] = limit(("gopher_quality", "gopher_repetition", "fineweb"))
    verdict: Verdict = limit(Verdict.DROP)
    min_words: Count | None = limit(50)  # Gopher: words of a document
    max_words: Count | None = limit(100_000)  # Gopher: words of a document
    min_word_length: Ratio | None = limit(3.0)  # Gopher: mean length of a word, in characters
    max_word_length: Ratio | None = limit(10.0)  # Gopher: mean length of a word, in characters
    max_hash_ratio: Ratio | None = limit(0.1)  # Gopher: hash signs a word
    max_ellipsis_ratio: Ratio | None = limit(0.1)  # Gopher: ellipses a word
    max_bullet_lines: Share | None = limit(0.9)  # Gopher: share of the lines that begin with a bullet
    max_ellipsis_lines: Share | None = limit(0.3)  # Gopher: share of the lines that end in an ellipsis
    min_alpha_words: Share | None = limit(0.8)  # Gopher: share of the words with a letter
    min_stop_words: Count | None = limit(2)  # Gopher: stop words of a document
    max_duplicate_paragraphs: Share | None = limit(0.3)  # Gopher: share of the paragraphs that repeat one
    max_duplicate_paragraph_chars: Share | None = limit(  # Gopher: share of the characters in such paragraphs
        0.2
    )  # Gopher: share of the characters in such paragraphs
    max_duplicate_lines: Share | None = limit(0.3)  # Gopher: share of the lines that repeat one
    max_duplicate_line_chars: Share | None = limit(0.2)  # Gopher: share of the characters in such lines
    max_top_gram_chars: tuple[Share, Share, Share] = limit((0.20, 0.18, 0.16))
    max_duplicate_gram_chars: tuple[Share, Share, Share, Share, Share, Share] = limit(
        (0.15, 0.14, 0.13, 0.12, 0.11, 0.10)
    )
    min_sentences: Count | None = limit(5)  # C4: sentences left of a page
    min_kept_lines: Share | None = limit(None)  # C4: share of the lines left of a page
    max_lorem_ipsum: Count | None = limit(0)  # C4: times `lorem ipsum` stands in a page
    max_curly_bracket: Count | None = limit(0)  # C4: curly brackets of a page
    min_terminal_lines: Share | None = limit(0.12)  # FineWeb: share of the lines that end in a terminal mark
    max_short_lines: Share | None = limit(0.67)  # FineWeb: share of the lines of at most 30 characters
    max_duplicate_text_line_chars: Share | None = limit(  # FineWeb: share of the characters in repeated lines
        0.01
    )  # FineWeb: share of the characters in repeated lines
    max_newlines_per_word: Ratio | None = limit(0.3)  # FineWeb: line ends a word

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "turn"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, turn and the columns of `curation.quality.statistics` of each document."""
        return _measure(turns, (Role.DOCUMENT,))

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules of the chosen sets, in the order of the papers."""
        of_set = {
            "gopher_quality": self._gopher_quality,
            "gopher_repetition": self._gopher_repetition,
            "c4": self._c4,
            "fineweb": self._fineweb,
        }
        return tuple(rule for name, rules in of_set.items() if name in self.sets for rule in rules())

    def _low(self, measure: str, reason: str, bound: float | None) -> Rule:
        return Rule(measure, reason, low=bound, verdict=self.verdict)

    def _high(self, measure: str, reason: str, bound: float | None) -> Rule:
        return Rule(measure, reason, high=bound, verdict=self.verdict)

    def _gopher_quality(self) -> list[Rule]:
        return [
            self._low("non_symbol_words", "gopher_short_doc", self.min_words),
            self._high("non_symbol_words", "gopher_long_doc", self.max_words),
            self._low("mean_word_length", "gopher_short_words", self.min_word_length),
            self._high("mean_word_length", "gopher_long_words", self.max_word_length),
            self._high("hash_ratio", "gopher_too_many_hashes", self.max_hash_ratio),
            self._high("ellipsis_ratio", "gopher_too_many_ellipses", self.max_ellipsis_ratio),
            self._high("bullet_lines", "gopher_too_many_bullets", self.max_bullet_lines),
            self._high("ellipsis_lines", "gopher_too_many_end_ellipses", self.max_ellipsis_lines),
            self._low("alpha_words", "gopher_few_words_with_letters", self.min_alpha_words),
            self._low("stop_words", "gopher_few_stop_words", self.min_stop_words),
        ]

    def _gopher_repetition(self) -> list[Rule]:
        bounds = {
            "duplicate_paragraphs": self.max_duplicate_paragraphs,
            "duplicate_paragraph_chars": self.max_duplicate_paragraph_chars,
            "duplicate_lines": self.max_duplicate_lines,
            "duplicate_line_chars": self.max_duplicate_line_chars,
        }
        bounds |= {f"top_{n}gram_chars": bound for n, bound in enumerate(self.max_top_gram_chars, 2)}
        bounds |= {f"duplicate_{n}gram_chars": b for n, b in enumerate(self.max_duplicate_gram_chars, 5)}
        return [self._high(measure, f"gopher_{measure}", bound) for measure, bound in bounds.items()]

    def _c4(self) -> list[Rule]:
        return [
            self._high("lorem_ipsum", "c4_lorem_ipsum", self.max_lorem_ipsum),
            self._high("curly_bracket", "c4_curly_bracket", self.max_curly_bracket),
            self._low("sentences", "c4_too_few_sentences", self.min_sentences),
            self._low("kept_lines", "c4_too_few_kept_lines", self.min_kept_lines),
        ]

    def _fineweb(self) -> list[Rule]:
        return [
            self._low("terminal_lines", "fineweb_unpunctuated_lines", self.min_terminal_lines),
            self._high("short_lines", "fineweb_short_lines", self.max_short_lines),
            self._high(
                "duplicate_text_line_chars", "fineweb_duplicate_lines", self.max_duplicate_text_line_chars
            ),
            self._high("newlines_per_word", "fineweb_list", self.max_newlines_per_word),
        ]
