"""How much a prompt asks for and how much a response says: numbers without a model."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.rules.bounds import Bounds, bounded
from tilth.curation.rules.response import GOOD_RESPONSES, has_role, is_learned
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.tables import Role, Verdict

# Words that bind an answer to a form, a length or a content; English only.
CONSTRAINTS = (
    r"(?i)\b(?:must|should|exactly|at least|at most|no more than|no less than|no fewer than|up to|only|without|"
    r"avoid|include|exclude|ensure|make sure|do not|don't|never|always|between \d+|in \d+ (?:words|sentences)|"
    r"format|step by step|in the style of|as a (?:list|table|poem|json)|json|bullet|use the following)\b"
)
LIST_ITEM = r"(?m)^\s*(?:[-*•]|\d{1,2}[.)])\s+\S"
FENCED = r"(?s)```.*?(?:```|\z)"
MIN_COMPRESSED_BYTES = 64  # below, the header of the format decides the ratio
COMPRESSION_LEVEL = 1
MEASURES = (
    "words",
    "distinct_words",
    "type_token_ratio",
    "compression_ratio",
    "code_share",
    "prompt_words",
    "constraints",
    "list_items",
)


@stage("complexity", order=90, default=False)
@dataclass(frozen=True)
class Complexity:
    """Count what a prompt asks for and what the responses say; drop rows outside the bounds the recipe sets.

    bounds: measure -> low, high. Every measure is of a row, its learned responses (or its user turns) taken together:

    words, distinct_words   of the responses: runs without blanks; case and punctuation count as written
    type_token_ratio        distinct_words / words; falls with length, so compare rows of one length
    compression_ratio       bytes of the responses / bytes after zlib level 1; repetition is high. Null under 64 bytes
    code_share              characters of the responses inside code fences
    prompt_words            of the user turns
    constraints             words in the user turns that bind the answer (must, exactly, at least, without …); English
    list_items              lines of the user turns that are items of a list

    These are counts, no verdict on quality: how well they tell good from bad is in benchmarks/results/scores.json.
    """

    bounds: Bounds = field(default_factory=dict, metadata={"limit": True})
    verdict: Verdict = limit(Verdict.DROP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "row"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id and MEASURES; a row without a response has null for what is of responses."""
        answers = has_role(GOOD_RESPONSES) & is_learned()
        said = pl.col("text").filter(answers).str.join("\n")
        asked = pl.col("text").filter(has_role((Role.USER,))).str.join("\n")
        rows = turns.group_by("row_id", maintain_order=True).agg(
            said=pl.when(answers.any()).then(said), asked=asked
        )
        words, distinct = _words("said"), _words("said").list.unique()
        numbers = rows.with_columns(
            words=words.list.len(),
            distinct_words=distinct.list.len(),
            compression_ratio=pl.Series([_compression(t) for t in rows["said"]], dtype=pl.Float64),
            code_share=_code_chars() / pl.max_horizontal(1, pl.col("said").str.len_chars()),
            prompt_words=_words("asked").list.len(),
            constraints=pl.col("asked").str.count_matches(CONSTRAINTS),
            list_items=pl.col("asked").str.count_matches(LIST_ITEM),
        ).with_columns(
            type_token_ratio=pl.when(pl.col("words") > 0).then(pl.col("distinct_words") / pl.col("words"))
        )
        return numbers.select("row_id", *(pl.col(name).cast(pl.Float64) for name in MEASURES))

    def rules(self) -> tuple[Rule, ...]:
        """Return the bounds of the recipe. Raises RecipeError for a measure that does not exist."""
        return bounded(self.bounds, MEASURES, ("curation", "complexity", "bounds"), self.verdict)


def _words(column: str) -> pl.Expr:
    return pl.col(column).str.extract_all(r"\S+")


def _code_chars() -> pl.Expr:
    fences = pl.when(pl.col("said").str.contains("```", literal=True)).then(pl.col("said"))
    outside = fences.str.replace_all(FENCED, "").str.len_chars().cast(pl.Int64)
    return (
        pl.when(pl.col("said").is_not_null())
        .then((fences.str.len_chars().cast(pl.Int64) - outside).fill_null(0))
        .cast(pl.Float64)
    )


def _compression(text: str | None) -> float | None:
    data = (text or "").encode()
    if len(data) < MIN_COMPRESSED_BYTES:
        return None
    return len(data) / len(zlib.compress(data, COMPRESSION_LEVEL))
