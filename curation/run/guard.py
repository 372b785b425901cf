"""A stage that raises costs the rows on which it raises, and not their neighbours."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl

from tilth.shards.errors import TilthError


class Guard:
    """Applies a stage to whole rows, leaving out those on which it raises."""

    def __init__(self, stage: str, function: Callable[[pl.DataFrame], pl.DataFrame], most: int) -> None:
        self.stage, self.function, self.most, self.raised = stage, function, most, 0

    def apply(self, turns: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Return what the stage makes of `turns`, and the turns of the rows on which it raises.

        Raises TilthError where these are too many.
        """
        try:
            return self.function(turns), turns.clear()
        except TilthError:
            raise
        except Exception as error:  # what it says may hold text of a row
            kind = type(error).__name__
        return self._halve(turns, kind)

    def _halve(self, turns: pl.DataFrame, kind: str) -> tuple[pl.DataFrame, pl.DataFrame]:
        ids = turns["row_id"].unique(maintain_order=True)
        if ids.len() <= 1:
            self.raised += ids.len()
            if self.raised > self.most or not ids.len():
                raise raised_too_often(self.stage, self.raised, self.most, kind)
            return self.apply(turns.clear())[0], turns
        half = ids.len() // 2
        halves = [turns.filter(pl.col("row_id").is_in(part.implode())) for part in (ids[:half], ids[half:])]
        (left, left_failed), (right, right_failed) = (self.apply(part) for part in halves)
        return pl.concat([left, right]), pl.concat([left_failed, right_failed])


def raised_too_often(stage: str, rows: int, most: int, kind: str = "") -> TilthError:
    """Return the error that stops the run; it holds no text of a row."""
    what = f"raised {kind} on {rows:,} rows" if kind else f"raised on {rows:,} rows"
    return TilthError(
        f"curation.{stage}",
        f"{what}, more than the {most:,} that may be set aside (curation.max_raised)",
        "Nothing was published",
        f"Switch the stage off with `{stage}: null`, or report this with the version of Tilth",
    )
