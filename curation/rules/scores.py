"""What models thought of a row, read from the files that `train score` and `tilth judge` write."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import ClassVar, Literal

import polars as pl

from tilth.curation.rules.bounds import Bounds, bounded
from tilth.curation.rules.response import where
from tilth.curation.stage import Phase, Rule, limit, stage
from tilth.shards.errors import RecipeError
from tilth.shards.tables import Verdict

KEY = "text_digest"
_KEY_PATH = ("curation", "scores")


@stage("scores", order=80, default=False)
@dataclass(frozen=True)
class Scores:
    """Take over the scores of rows, and drop the rows outside the bounds that the recipe sets.

    paths: Parquet files of text_digest and one Float64 column a score (`train score` prints the one it wrote).
    bounds: score -> low, high; without one nothing is dropped. The IFD paper (arXiv 2308.12032) drops ifd above
    1.0. A row that no file knows has no score: no bound applies to it, and it is tagged `no_score`.
    """

    paths: tuple[str, ...] = ()
    bounds: Bounds = field(default_factory=dict, metadata={"limit": True})
    verdict: Verdict = limit(Verdict.DROP)

    phase: ClassVar[Phase] = Phase.RULES
    unit: ClassVar[Literal["row", "turn"]] = "row"
    if_missing: ClassVar[str] = "make it with: train score RECIPE --set curation.scores=null"

    def measure(self, turns: pl.DataFrame) -> pl.DataFrame:
        """Return row_id, every score of the files, and unscored (1.0 for a row that no file knows)."""
        rows = turns.group_by("row_id", maintain_order=True).agg(pl.col(KEY).first())
        found = rows.join(self._table(), on=KEY, how="left", maintain_order="left")
        return found.drop(KEY).with_columns(unscored=where(pl.col("unscored").is_null()))

    def rules(self) -> tuple[Rule, ...]:
        """Return the bounds of the recipe and the tag of rows without a score.

        Raises RecipeError for a bound on a score that no file has.
        """
        rules = bounded(self.bounds, self._names(), (*_KEY_PATH, "bounds"), self.verdict)
        return (*rules, Rule("unscored", "no_score", high=0, verdict=Verdict.KEEP))

    def _names(self) -> list[str]:
        return [name for name in self._table().columns if name not in (KEY, "unscored")]

    def _table(self) -> pl.DataFrame:
        stats = [Path(path).stat() for path in self.paths]
        return _read(self.paths, tuple((s.st_ino, s.st_size, s.st_mtime_ns) for s in stats))


@lru_cache(maxsize=2)
def _read(paths: tuple[str, ...], state: tuple[tuple[int, ...], ...]) -> pl.DataFrame:
    """Return the files side by side, a text once, with `unscored` 0; `state` changes when a file does.

    Raises RecipeError for a file that is no table of scores, or a score that two files have.
    """
    table = pl.DataFrame(schema={KEY: pl.Binary})
    for path in paths:
        try:
            frame = pl.read_parquet(path, glob=False)
        except (OSError, pl.exceptions.PolarsError):
            frame = pl.DataFrame()
        names = [name for name, dtype in frame.schema.items() if dtype == pl.Float64]
        if frame.schema.get(KEY) != pl.Binary or not names:
            raise RecipeError(
                (*_KEY_PATH, "paths"),
                f"{Path(path).name} is no table of scores",
                f"it needs {KEY} (Binary) and a Float64 column for each score",
            )
        twice = sorted(set(names) & set(table.columns))
        if twice:
            raise RecipeError(
                (*_KEY_PATH, "paths"), f"two files have a score {twice[0]!r}", "name one of the files"
            )
        rows = frame.select(KEY, *names).unique(KEY, keep="first", maintain_order=True)
        table = table.join(rows, on=KEY, how="full", coalesce=True)
    return table.with_columns(unscored=pl.lit(0.0))
