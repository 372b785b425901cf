"""A user's own rules: polars expressions in the recipe."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.rules.expression import ExpressionError, columns, parse
from tilth.curation.rules.response import has_role, last_response
from tilth.curation.stage import Number, Phase, Rule, stage
from tilth.shards.errors import RecipeError
from tilth.shards.tables import Role, Verdict

OWN = ("prompt", "response", "system", "text", "turns", "shape", "source", "file", "licence")


@dataclass(frozen=True)
class CustomRule:
    """One rule. A row breaks it where `expression` is true (or above 0); with a bound, where it is outside.

    The expression may read prompt (what stands before the last response), response (the last one that is
    learned; a document's text), system, text (every turn), turns (their number), shape, licence, file (the name of
    the source it came from), source (a column of that name, else the file), and any attribute by name
    (as text: `pl.col("score").cast(pl.Float64)` makes it a number).
    """

    name: str  # the reason in the ledger
    expression: str  # a polars expression over `prompt`, `response` and the columns of a row
    verdict: Verdict = Verdict.KEEP
    low: Number | None = None  # the least value that keeps a row
    high: Number | None = None  # the greatest value that keeps a row


@stage("custom", order=90, default=False)
@dataclass(frozen=True)
class Custom:
    """Judge rows by expressions of the recipe.

        custom:
          - {name: no_digits, expression: '~pl.col("response").str.contains("[0-9]")', verdict: drop}
          - {name: long_answer, expression: 'pl.col("response").str.len_chars()', high: 4000}

    A rule's name is its reason in the ledger. A null says nothing about a row, a NaN quarantines it.
    """

    judge: tuple[CustomRule, ...] = ()  # the rules, in the order they are asked

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "row"

    def __post_init__(self) -> None:
        """Raise RecipeError naming the first rule that is no expression, or that repeats a name."""
        names = [rule.name for rule in self.judge]
        for index, rule in enumerate(self.judge):
            key = ("curation", "custom", index)
            if names.count(rule.name) > 1 or not rule.name.isidentifier():
                raise RecipeError((*key, "name"), f"{rule.name!r} must be a word of its own")
            try:
                parse(rule.expression)
            except ExpressionError as error:
                raise RecipeError((*key, "expression"), f"rule {rule.name!r}: {error}") from None

    def attributes(self) -> list[str]:
        """Return the attributes of rows that the expressions read."""
        read = {name for rule in self.judge for name in columns(parse(rule.expression))}
        return sorted(read - set(OWN))

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id and one Float64 column per rule."""
        rows = row_view(turns).with_columns(
            pl.col("attributes").str.json_path_match(f"$[{json.dumps(name)}]").alias(name)
            for name in self.attributes()
        )
        return rows.select(
            "row_id", *(parse(r.expression).cast(pl.Float64).alias(r.name) for r in self.judge)
        )

    def rules(self) -> tuple[Rule, ...]:
        """Return one rule an expression."""
        return tuple(
            Rule(r.name, r.name, r.low, 0.0 if r.low is None and r.high is None else r.high, r.verdict)
            for r in self.judge
        )


def row_view(turns: pl.DataFrame) -> pl.DataFrame:
    """Return one line per row with the columns of OWN and `attributes`, of turns as a Local sees them."""
    text = pl.col("text")

    def joined(condition: pl.Expr) -> pl.Expr:
        return text.filter(condition).str.join("\n")

    return (
        turns.with_columns(last=last_response().fill_null(1 << 15))
        .group_by("row_id", maintain_order=True)
        .agg(
            *(pl.col(name).first() for name in ("shape", "source", "licence", "attributes")),
            prompt=joined(pl.col("turn") < pl.col("last")),
            response=text.filter(pl.col("turn") == pl.col("last")).first(),
            system=joined(has_role((Role.SYSTEM, Role.DEVELOPER))),
            text=text.str.join("\n"),
            turns=pl.len(),
        )
        .with_columns(
            pl.col("shape").cast(pl.String),
            file=pl.col("source"),
            source=pl.coalesce(pl.col("attributes").str.json_path_match("$['source']"), "source"),
        )
    )
