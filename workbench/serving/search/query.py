"""A search: what is asked for, checked, and which lines answer it, counted by facet, sorted, a page at a time."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from tilth.shards import arrow_file
from tilth.shards.errors import UsageError
from tilth.workbench.serving.search.index import FACETS, Index

PAGE_ROWS = 50
HOWS = ("literal", "words", "regex")
SORTS = ("place", "chars", "turns", "value", "weight")
FIRST_ROWS, BLOCK_ROWS = 256, 40_000  # texts searched between two looks at the clock, at first and at most
SEARCH_S = 4.0
MAX_QUERY_CHARS, MAX_REGEX_BYTES = 1_000, 2 << 20
MAX_FACET_VALUES = 12
MAX_PAGE = 20_000
KEPT = 16  # text searches of which the answer is kept


@dataclass(frozen=True)
class Query:
    """What is asked for. facets: column -> value ("" is none). measure: a name, with low and high."""

    text: str = ""
    how: str = "literal"
    facets: tuple[tuple[str, str], ...] = ()
    tag: str = ""
    measure: str = ""
    low: float | None = None
    high: float | None = None
    sort: str = "place"
    descending: bool = False
    page: int = 1

    def params(self, **change: Any) -> dict[str, str]:
        """Return what goes into an address for this search, with some of it changed; None takes a part out."""
        said: dict[str, Any] = {
            "q": self.text, "how": self.how if self.how != "literal" else "", **dict(self.facets), "tag": self.tag,
            "measure": self.measure, "low": self.low, "high": self.high,
            "sort": self.sort if self.sort != "place" else "", "order": "down" if self.descending else "",
        }  # fmt: skip
        said |= change
        return {name: str(value) for name, value in said.items() if value not in (None, "")}


def read_query(params: Mapping[str, str]) -> Query:
    """Return the search that an address asks for. Raises UsageError for what none can mean."""
    how = params.get("how") or "literal"
    text = params.get("q", "")
    problems = {
        f"a text of more than {MAX_QUERY_CHARS} characters": len(text) > MAX_QUERY_CHARS,
        f"a way to search that is none of {', '.join(HOWS)}": how not in HOWS,
    }
    for what, wrong in problems.items():
        if wrong:
            raise UsageError(
                "search", f"asks for {what}", "Nothing was searched", "Say less, or say it otherwise"
            )
    return Query(
        text=text,
        how=how,
        facets=tuple((name, params[name]) for name in FACETS if params.get(name)),
        tag=params.get("tag", ""),
        measure=params.get("measure", ""),
        low=_number(params, "low"),
        high=_number(params, "high"),
        sort=params.get("sort") or "place",
        descending=params.get("order") == "down",
        page=int(_number(params, "page") or 1) if (_number(params, "page") or 1) <= MAX_PAGE else MAX_PAGE,
    )


def _number(params: Mapping[str, str], name: str) -> float | None:
    said = params.get(name, "").strip()
    if not said:
        return None
    try:
        value = float(said)
    except ValueError:
        value = float("nan")
    if not np.isfinite(value):
        raise UsageError(
            f"search {name}", f"{said[:40]!r} is no number", "Nothing was searched", "Write 12 or 0.5"
        )
    return value


@dataclass(frozen=True)
class Found:
    """A page of answers.

    at: the numbers of the lines on this page. total: how many lines answer. facets: column -> (value, lines), most
    first. searched: the share of the texts that was looked at before time ran out; 1.0 where all were.
    """

    at: list[int]
    total: int
    facets: dict[str, list[tuple[str, int]]]
    searched: float
    seconds: float

    @property
    def pages(self) -> int:
        """How many pages there are."""
        return max(1, -(-self.total // PAGE_ROWS))


@dataclass
class Searcher:
    """Answers searches of one index; the last few answers about texts are kept."""

    index: Index
    _texts: dict[tuple[str, str], tuple[np.ndarray, float]] = field(default_factory=dict)
    _facets: dict[Any, dict[str, list[tuple[str, int]]]] = field(default_factory=dict)

    def forget(self) -> None:
        """Forget the answers that are kept, so that the next search looks at everything."""
        self._texts.clear()
        self._facets.clear()

    def search(self, query: Query) -> Found:
        """Return the page that a query asks for. Raises UsageError for a regex or a measure that is none."""
        started = time.monotonic()
        at, searched = self.answering(query)
        key = (query.text, query.how, query.facets, query.tag, query.measure, query.low, query.high)
        if key not in self._facets:
            if len(self._facets) >= KEPT:
                self._facets.pop(next(iter(self._facets)))
            self._facets[key] = self._counted(at)
        total = self.index.lines.height if at is None else int(at.size)
        shown = self._sorted(at, query, total)
        return Found(shown, total, self._facets[key], searched, time.monotonic() - started)

    def answering(self, query: Query) -> tuple[np.ndarray | None, float]:
        """Return the numbers of the lines that answer, in order (None: all of them), and the share searched."""
        lines, conditions = self.index.lines, []
        for name, value in query.facets:
            column = pl.col(name).cast(pl.String) if value == "–" else pl.col(name)
            conditions.append(column.is_null() if value == "–" else column == value)
        masks, searched = [], 1.0
        if query.text:
            of_rows, searched = self._texts_with(query)
            masks.append(np.where(self.index.positions >= 0, of_rows[self.index.positions], False))
        if query.tag:
            tagged = np.zeros(self.index.ids.len(), dtype=bool)
            tagged[self.index.tags.filter(pl.col("tag") == query.tag)["pos"].to_numpy()] = True
            masks.append(np.where(self.index.positions >= 0, tagged[self.index.positions], False))
        if query.measure and (query.low is not None or query.high is not None):
            values = self.index.of_rows(self._measure(query.measure))
            low = -np.inf if query.low is None else query.low
            high = np.inf if query.high is None else query.high
            masks.append(values.is_between(low, high).fill_null(False).to_numpy())
        if not conditions and not masks:
            return None, searched
        if conditions:
            said = lines.lazy().select(pl.all_horizontal(conditions).fill_null(False)).collect().to_series()
            masks.append(said.to_numpy())
        return np.flatnonzero(np.logical_and.reduce(masks)), searched

    def _texts_with(self, query: Query) -> tuple[np.ndarray, float]:
        """Return which rows have the text, by pos, and the share of them that was looked at in SEARCH_S."""
        key = (query.text, query.how)
        if key not in self._texts:
            if len(self._texts) >= KEPT:
                self._texts.pop(next(iter(self._texts)))
            self._texts[key] = scan(self.index.texts, matcher(query.text, query.how))
        return self._texts[key]

    def _measure(self, name: str) -> pl.Series:
        if name not in self.index.measure_names:
            raise UsageError(
                f"measure {name[:60]!r}", "the version has no such measure", "", "Choose one of the list"
            )
        return self.index.measure(name)

    def _sorted(self, at: np.ndarray | None, query: Query, total: int) -> list[int]:
        start = (min(query.page, max(1, -(-total // PAGE_ROWS))) - 1) * PAGE_ROWS
        if query.sort == "place":
            if query.descending:
                stop = total - start
                chosen = np.arange(max(0, stop - PAGE_ROWS), stop)[::-1]
            else:
                chosen = np.arange(start, min(start + PAGE_ROWS, total))
            return (chosen if at is None else at[chosen]).tolist()
        if query.sort in SORTS:
            values = self.index.lines[query.sort].cast(pl.Float64)
        else:
            values = self.index.of_rows(self._measure(query.sort)).cast(pl.Float64)
        frame = pl.DataFrame({"at": pl.Series(at) if at is not None else pl.arange(total, eager=True)})
        frame = frame.with_columns(value=values if at is None else values.gather(frame["at"])).drop_nulls(
            "value"
        )
        best = frame.lazy().select("at", "value")
        most = start + PAGE_ROWS
        top = best.top_k(most, by="value") if query.descending else best.bottom_k(most, by="value")
        ordered = top.collect().sort("value", "at", descending=[query.descending, False])
        return [int(one) for one in ordered["at"].slice(start, PAGE_ROWS)]

    def _counted(self, at: np.ndarray | None) -> dict[str, list[tuple[str, int]]]:
        lines = self.index.lines.select(FACETS)
        lines = lines if at is None else lines[at]
        counted = {}
        for name in FACETS:
            counts = lines.lazy().group_by(name).len().sort("len", descending=True).collect()
            counted[name] = [
                ("–" if v is None else v, n) for v, n in counts.head(MAX_FACET_VALUES).iter_rows()
            ]
        if self.index.tags.height:
            has = np.zeros(self.index.ids.len(), dtype=bool)
            positions = self.index.positions if at is None else self.index.positions[at]
            has[positions[positions >= 0]] = True
            tags = self.index.tags.filter(pl.Series(has[self.index.tags["pos"].to_numpy()]))
            some = tags["tag"].value_counts(sort=True).head(MAX_FACET_VALUES)
            counted["tag"] = [(tag, n) for tag, n in some.iter_rows()]
        return counted


def matcher(text: str, how: str) -> pl.Expr:
    """Return the condition on a text. Raises UsageError for a regex that is none, or is too large."""
    of = pl.col("text")
    sensitive = text != text.lower()  # as ripgrep's smart case: capitals are meant
    flag = "" if sensitive else "(?i)"
    if how == "literal":
        return of.str.contains(text, literal=True) if sensitive else of.str.contains(f"(?i){re.escape(text)}")
    if how == "words":
        words = [rf"{flag}\b{re.escape(word)}\b" for word in text.split()]
        return pl.all_horizontal(of.str.contains(word) for word in words) if words else pl.lit(True)
    try:
        pl.select(pl.lit("").str.contains(text))
    except pl.exceptions.ComputeError as error:
        raise UsageError("search", "this is no regular expression, or one too large to run", "Nothing was searched",
                         "Look-around and back-references are not known; try it without") from error  # fmt: skip
    return of.str.contains(text)


def scan(texts: pl.Series, condition: pl.Expr, seconds: float = SEARCH_S) -> tuple[np.ndarray, float]:
    """Return which texts meet a condition, and the share of them looked at within the time.

    The engine of regular expressions is linear in the text, so a block always ends; the clock is looked at between.
    """
    found = np.zeros(texts.len(), dtype=bool)
    ends = time.monotonic() + seconds
    step, start = FIRST_ROWS, 0
    while start < texts.len():
        began = time.monotonic()
        block = texts.slice(start, step).to_frame("text")
        found[start : start + step] = (
            block.select(condition.alias("found")).to_series().fill_null(False).to_numpy()
        )
        arrow_file.let_go()
        start += step
        if time.monotonic() >= ends:
            break
        # As many at a time as take a fifth of a second, so that a slow search is stopped in time.
        pace = step * 0.2 / max(time.monotonic() - began, 1e-4)
        step = int(max(16, min(BLOCK_ROWS, 16 * step, pace)))
    return found, min(1.0, start / max(texts.len(), 1))
