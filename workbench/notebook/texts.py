"""A column of texts in whatever a notebook holds it in, and parts of it given back in the same kind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import polars as pl

from tilth.shards.errors import UsageError

KINDS = "a list, a polars or pandas Series, or an Arrow array of texts"


@dataclass(frozen=True)
class Texts:
    """The texts (String, null where there is none) and what they were given as."""

    series: pl.Series
    given: Any

    def __len__(self) -> int:
        return self.series.len()

    def part(self, places: list[int]) -> Any:
        """Return the texts at these places in the kind that was given; pandas keeps its index."""
        if isinstance(self.given, pl.Series):
            return self.given.gather(places)
        if hasattr(self.given, "iloc"):
            return self.given.iloc[places]
        if hasattr(self.given, "take") and hasattr(self.given, "type"):
            import pyarrow as pa

            return self.given.take(pa.array(places, pa.int64()))
        return [self.given[place] for place in places]


def as_texts(values: Any, name: str = "texts") -> Texts:
    """Take a column of texts as it is. Raises UsageError where it is none."""
    if hasattr(values, "columns"):
        raise _refused(name, "is a table", "take one of its columns")
    if isinstance(values, str | bytes) or not isinstance(values, Iterable):
        raise _refused(name, f"is one {type(values).__name__}", "put it in a list")
    if isinstance(values, pl.Series):
        return _checked(values, values, name)
    if hasattr(values, "iloc"):  # pandas, whose missing values may be NaN
        return _checked(
            _series([value if isinstance(value, str) else _or_null(value) for value in values], name),
            values,
            name,
        )
    if hasattr(values, "take") and hasattr(values, "type"):  # Arrow
        return _checked(pl.Series(pl.from_arrow(values)), values, name)
    plain = list(values)
    return _checked(_series(plain, name), plain, name)


def _series(plain: list[Any], name: str) -> pl.Series:
    try:
        return pl.Series(name, plain, dtype=pl.String)
    except TypeError:
        kinds = sorted({type(value).__name__ for value in plain if not isinstance(value, str | None)})
        raise _refused(name, f"holds {', '.join(kinds)}", f"give {KINDS}") from None


def _or_null(value: Any) -> Any:
    """Return None for what pandas takes as missing (NaN, NaT, NA), anything else as it is."""
    import pandas as pd

    return None if pd.api.types.is_scalar(value) and pd.isna(value) else value


def _checked(series: pl.Series, given: Any, name: str) -> Texts:
    if series.dtype not in (pl.String, pl.Null, pl.Categorical, pl.Enum):
        raise _refused(name, f"is of type {series.dtype}", f"give {KINDS}")
    return Texts(series.cast(pl.String).alias(name), given)


def _refused(name: str, what: str, next_step: str) -> UsageError:
    return UsageError(name, what, "Nothing was done", next_step)
