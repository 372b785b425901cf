"""The `checks:` and `report:` sections of a recipe."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Expectation(BaseModel):
    """What the kept rows of a version are to be; the check fails where too few of them are.

    name: what the check is called, a word. column: a column of rows (prompt, response, system, text, turns,
    shape, source, file, licence, slice, split, language), an attribute, or a measure as `tilth stages` names it.
    expression: instead of a column, a polars expression that is true of a good row. low: the least that the
    column may be. high: the most that it may be. one_of: the texts that it may be. matches: a regular expression
    that it matches. unique: whether no two rows may have the same. present: whether every row must have one.
    where: an expression that says which rows are judged. mostly: the share of them that must be so. severity: an
    error fails the version, a warning is only shown.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    name: str = Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,79}$")
    column: str | None = Field(None, min_length=1)
    expression: str | None = None
    low: float | None = Field(default=None, ge=-1e18, le=1e18)
    high: float | None = Field(default=None, ge=-1e18, le=1e18)
    one_of: tuple[str, ...] | None = None
    matches: str | None = None
    unique: bool = False
    present: bool = False
    where: str | None = None
    mostly: float = Field(1.0, ge=0, le=1)
    severity: Literal["error", "warning"] = "error"

    @model_validator(mode="after")
    def _says_one_thing(self) -> Expectation:
        asked = [self.low, self.high, self.one_of, self.matches, self.unique or None, self.present or None]
        of_column = any(value is not None for value in asked)
        if (self.column is None) == (self.expression is None):
            raise ValueError("say either column or expression")
        if of_column == (self.column is None):
            raise ValueError(
                "a column takes low, high, one_of, matches, unique or present; an expression none of them"
            )
        return self


class Checks(BaseModel):
    """Bounds on the metrics of a version, which `null` switches off, and what else its rows are to be.

    A field is named after what it bounds; which metric that is and how severe a breach is stand in `gate`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    max_unaccounted: int | None = Field(0, ge=0, le=10**12)  # input lines without exactly one fate
    max_unfinished: int | None = Field(0, ge=0, le=10**12)  # files of which not all was read
    min_rows: int | None = Field(1, ge=0, le=10**12)  # kept rows
    max_duplicate_rate: float | None = Field(0.01, ge=0, le=1)  # kept rows whose text another kept row has
    max_leak_rate: float | None = Field(
        0.0, ge=0, le=1
    )  # held-out rows whose text or conversation is in train
    max_split_miss: float | None = Field(0.02, ge=0, le=1)  # held-out share of the rows off what was asked
    max_quarantine_rate: float | None = Field(
        0.5, ge=0, le=1
    )  # input lines set aside, of all and of what is new
    max_drop_rate: float | None = Field(None, ge=0, le=1)  # input lines dropped, of all and of what is new
    max_source_shrink: float | None = Field(
        0.5, ge=0, le=1
    )  # share of a source's lines that are gone, against what is served
    max_drift_bits: float | None = Field(
        None, ge=0, le=1
    )  # how far slices or sources moved from what is served, of all and of what is new
    max_source_loss: float | None = Field(0.5, ge=0, le=1)  # worst source: fraction of lines not kept
    min_effective_rate: float | None = Field(0.3, ge=0, le=1)  # effective over actual train rows
    expect: tuple[Expectation, ...] | None = (
        None  # what the kept rows are to be, by column, measure or expression
    )
    suite: str | None = None  # a Great Expectations suite (JSON) of more of them, relative to the recipe

    @property
    def bounds(self) -> dict[str, Any]:
        """The bounds that are not switched off, by name."""
        said = self.model_dump(exclude={"expect", "suite"})
        return {name: bound for name, bound in said.items() if bound is not None}


class ReportOptions(BaseModel):
    """What the data page may show."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    examples: int = Field(default=50, ge=0, le=50)  # rows shown in all, redacted and shortened; 0: none
