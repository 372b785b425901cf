"""The `checks:` and `report:` sections of a recipe."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class Checks(BaseModel):
    """Bounds on the metrics of a version; `null` switches one off.

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
    max_source_loss: float | None = Field(0.5, ge=0, le=1)  # worst source: fraction of lines not kept
    min_effective_rate: float | None = Field(0.3, ge=0, le=1)  # effective over actual train rows


class ReportOptions(BaseModel):
    """What the data page may show."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    examples: int = Field(default=50, ge=0, le=50)  # rows shown in all, redacted and shortened; 0: none
