"""Results that explain themselves: what is kept, what is not, why, and what another bound would say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any, Generic, TypeVar

import polars as pl

from tilth.shards.errors import UsageError
from tilth.workbench.notebook.texts import Texts

SHOWN_ROWS, SHOWN_CHARACTERS = 20, 120
R = TypeVar("R", bound="Result")


@dataclass(frozen=True, repr=False)
class Result:
    """What a function found in a column of texts.

    table: a line for every text that it is about, `index` being its place. out: the places that are not kept.
    why: says of a place, and its lines of the table, what there is to say.
    """

    texts: Texts
    table: pl.DataFrame
    out: list[int]
    title: str
    why: Callable[[int, list[dict[str, Any]]], str]

    @property
    def kept(self) -> Any:
        """The texts that are kept, in the kind that was given."""
        gone = set(self.out)
        return self.texts.part([place for place in range(len(self.texts)) if place not in gone])

    @property
    def dropped(self) -> Any:
        """The texts that are not kept, in the kind that was given."""
        return self.texts.part(self.out)

    def explain(self, i: int) -> str:
        """Return why the text at place `i` is kept or not. Raises UsageError for a place that is none."""
        if not 0 <= i < len(self.texts):
            raise UsageError(
                "explain", f"there is no text {i}", "", f"places go from 0 to {len(self.texts) - 1}"
            )
        return self.why(i, self.table.filter(pl.col("index") == i).to_dicts())

    def __len__(self) -> int:
        return len(self.out)

    def __repr__(self) -> str:
        kept = len(self.texts) - len(self.out)
        return f"{self.title}: {len(self.texts):,} texts, {kept:,} kept, {len(self.out):,} dropped"

    def _repr_html_(self) -> str:
        """Return a table for a notebook; whatever a text holds is escaped."""
        shown = self.table.head(SHOWN_ROWS)
        said = [shortened(self.texts.series[place]) for place in shown["index"]]
        head = "".join(f"<th>{escape(name)}</th>" for name in [*shown.columns, "text"])
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(_cell(value))}</td>" for value in (*row, text)) + "</tr>"
            for row, text in zip(shown.iter_rows(), said)
        )
        more = self.table.height - shown.height
        rest = f"<p>and {more:,} more: <code>.table</code></p>" if more else ""
        return f"<p>{escape(repr(self))}</p><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{rest}"


@dataclass(frozen=True, repr=False)
class BoundedResult(Result, Generic[R]):
    """A result that depends on a bound."""

    again: Callable[[float], R]

    def at(self, bound: float) -> R:
        """Return what another bound finds in the same texts."""
        return self.again(bound)


def shortened(text: str | None) -> str:
    """Return the beginning of a text on one line."""
    line = " ".join((text or "").split())
    return line if len(line) <= SHOWN_CHARACTERS else line[: SHOWN_CHARACTERS - 2] + " …"


def _cell(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else shortened("" if value is None else str(value))
