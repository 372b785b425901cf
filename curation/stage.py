"""The stage protocols: how a part of curation looks at rows without being able to take one out.

A stage is a frozen dataclass registered under a name; its fields are its parameters in the recipe. A field
made with `limit()` is a bound that a replay may change without measuring again. Stages say what they found;
`ledger.py` alone decides. Dropping a new file into rewrite/, rules/, dedup/ or select/ registers its stages.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from enum import IntEnum
from functools import cache
from typing import Annotated, Any, ClassVar, Literal, Protocol, TypeVar, cast, runtime_checkable

import polars as pl
from pydantic import Field

from tilth.shards.tables import Verdict

# The texts of a row beside its turns, and what a rewrite may say of a turn: what kind of thing it changed, and how that
# may be shown to people.
ROW_TEXTS = ("tools", "attributes", "licence", "group")
CHANGES = pl.List(pl.Struct({"kind": pl.String, "shown": pl.String}))


class Phase(IntEnum):
    """The order in which stages act; a row's decision is its first broken rule in this order."""

    REWRITE = 0
    RULES = 1
    DECONTAMINATE = 2
    PUSHBACK = 3
    CONFLICT = 4
    SPLIT = 5
    DEDUP = 6
    SELECT = 7
    WEIGH = 8


# What a parameter may be; a value outside is refused with its range.
MOST = 10**12  # of things that are counted: beyond it a bound is a slip of the pen
Share = Annotated[float, Field(ge=0, le=1)]  # a part of a whole, or a similarity
Ratio = Annotated[float, Field(ge=0, le=MOST)]  # of two amounts
Number = Annotated[
    float, Field(ge=-1e300, le=1e300)
]  # a bound on a measure of which only the recipe knows the unit
Weight = Annotated[float, Field(ge=1, le=1000)]  # how many times as much as another
Count = Annotated[int, Field(ge=0, le=MOST)]
Positive = Annotated[int, Field(ge=1, le=MOST)]
Words = Annotated[int, Field(ge=1, le=1000)]  # of a run


def limit(default: Any) -> Any:
    """Declare a dataclass field as a bound: replayable, outside the stage digest."""
    return field(default=default, metadata={"limit": True})


@dataclass(frozen=True)
class Rule:
    """Keep a row while low <= measure <= high. Null: not applicable. NaN: quarantine."""

    measure: str
    reason: str
    low: float | None = None
    high: float | None = None
    verdict: Verdict = Verdict.DROP


# Returns row_id and what is seen of each of some rows, from its ROWS columns and its texts alone.
Observe = Callable[[pl.DataFrame, "Texts"], pl.DataFrame]


class Texts(Protocol):
    """Reads the texts of a run for barriers, so that their row frames stay narrow."""

    def turns(self) -> pl.LazyFrame:
        """Return the rewritten turns (schema TURNS) of every distinct row, ordered by row_id, turn."""

    def prompts(self, row_ids: pl.Series) -> pl.Series:
        """Return, aligned with `row_ids`, the text before the last response, one String per row.

        Turns are joined by newlines; "" where there are none; for a document the empty string.
        """

    def first_prompts(self, row_ids: pl.Series) -> pl.Series:
        """Return, aligned with `row_ids`, the first user turn (a document: its text)."""

    def responses(self, row_ids: pl.Series) -> pl.Series:
        """Return, aligned with `row_ids`, the last response with its tool calls (a document: its text;
        a preference pair: chosen, newline, rejected)."""

    def each(self, rows: pl.DataFrame, observe: Observe) -> pl.DataFrame:
        """Return what `observe`, a function of a module, says of each row by itself, a line a row in any order.

        A run asks it about the rows that no earlier one asked about, and keeps what it says by row.
        """


class Registered(Protocol):
    """What `stage()` writes on a class, beside the phase that the class names itself.

    name: its key in a recipe. order: its place in its phase. default: whether it runs when the recipe is silent.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    default: ClassVar[bool]
    phase: ClassVar[Phase]


@runtime_checkable
class Rewrite(Registered, Protocol):
    """Changes text before anything is measured; the run counts the turns it changed."""

    def rewrite(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return `turns` (schema TURNS) with the same keys in the same order and rewritten texts.

        Turns at the end of a row may be left out, as long as the row keeps one. The first turn of a row carries its
        ROW_TEXTS, which may be rewritten too. A column `changes` (CHANGES) says of each turn what was changed.
        """


@runtime_checkable
class Local(Registered, Protocol):
    """Judges a row, or a turn, by itself."""

    unit: ClassVar[Literal["row", "turn"]]

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id (and turn, if that is the unit) and one column per measure.

        `turns` has schema TURNS plus `shape`, `tools`, `source`, `licence`, `attributes` (canonical JSON) and
        `text_digest` of its row, ordered by row_id, turn, and holds whole rows. A row or turn left out counts
        as not applicable.
        """

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules over the measures, first broken first."""


@runtime_checkable
class Barrier(Registered, Protocol):
    """Sees all rows still kept, as narrow columns.

    row_local, False where a class leaves it out: the evidence of a row depends on that row's ROWS columns and
    texts alone; it is then gathered a batch at a time, for dropped rows too, and kept in a file.
    """

    row_local: ClassVar[bool]

    @property
    def needs(self) -> tuple[str, ...]:
        """The row-level measures (`stage.measure`) wanted beside the rows; () where a class leaves it out."""

    def evidence(self, rows: pl.DataFrame, texts: Texts) -> pl.DataFrame:
        """Return what was observed, independent of every `limit()` parameter: it is kept for replays.

        `rows` holds schema ROWS, the measures of `needs`, `slice`, and whatever earlier barriers assigned
        (split, fold, weight), ordered by row_id. If `row_local`: only schema ROWS.
        """

    def decide(self, rows: pl.DataFrame, evidence: pl.DataFrame) -> pl.DataFrame:
        """Return row_id plus either findings (columns of FINDINGS, `stage` may be left out) or
        assignments (any of split, fold, weight), or both; rows left out are untouched.

        If `row_local`, the evidence holds every distinct row, and rows that are none of `rows` do not count.
        """


Stage = Rewrite | Local | Barrier
S = TypeVar("S")
OURS = "tilth."
_REGISTRY: dict[str, type[Stage]] = {}


def stage(name: str, *, order: int = 50, default: bool = True) -> Callable[[type[S]], type[S]]:
    """Register a stage class under its recipe key. A plugin's class is marked and not registered.

    order: place among the stages of its phase. default: whether it runs when the recipe is silent.
    """

    def register(cls: type[S]) -> type[S]:
        given = {"name": name, "order": order, "default": default}
        usual = {"needs": (), "row_local": False}
        for attribute, value in (given | {k: v for k, v in usual.items() if not hasattr(cls, k)}).items():
            setattr(cls, attribute, value)
        if not cls.__module__.startswith(OURS):
            return cls  # a plugin: known to the recipes that list it, see plugins.py
        if name in _REGISTRY and _REGISTRY[name].__qualname__ != cls.__qualname__:
            raise ValueError(f"two stages are named {name!r}")
        _REGISTRY[name] = cast("type[Stage]", cls)
        return cls

    return register


@cache
def registry() -> dict[str, type[Stage]]:
    """Return every stage class by name, importing the stage folders of this package and nothing else."""
    for folder in ("rewrite", "rules", "dedup", "select"):
        package = importlib.import_module(f"tilth.curation.{folder}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"{package.__name__}.{module.name}")
    return dict(sorted(_REGISTRY.items()))


def acting_order(stage: Stage | type[Stage]) -> tuple[int, int, str]:
    """Return what stages are sorted by: phase, order, name. `tilth stages` prints them all in this order."""
    return stage.phase, stage.order, stage.name


def parameters(instance: Any, *, limits: bool) -> dict[str, Any]:
    """Return the parameters of a stage; without `limits`, only those that change what it measures."""
    return {
        f.name: getattr(instance, f.name)
        for f in fields(instance)
        if limits or not f.metadata.get("limit", False)
    }
