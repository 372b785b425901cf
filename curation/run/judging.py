"""Every row judged by itself, once: what an earlier run judged is taken from the cache, the rest is judged now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from tilth.curation.feedback.admission import Admission
from tilth.curation.recipe import CurationRecipe
from tilth.curation.run.combine import Combined
from tilth.curation.run.executor import Executor
from tilth.curation.run.guard import raised_too_often
from tilth.curation.run.kept.distinct import distinct, set_apart
from tilth.curation.run.kept.files import Reader, ReadFile
from tilth.curation.run.kept.segments import Segment, Segments
from tilth.curation.run.kept.shuffle import range_rows, shuffled
from tilth.curation.run.local import RAISED, LocalTask, edits_of, run_local
from tilth.curation.run.parts import Parts
from tilth.curation.run.provenance import made_by
from tilth.curation.stage import Local, Rewrite

MIN_RAISED = 100  # rows on which a stage may raise in any case

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Judging:
    """What happens to a row by itself: texts are rewritten, then measured and judged; nothing to those `withheld`.

    made_by: what of the recipe decides what is made of a row.
    """

    rewrites: tuple[Rewrite, ...]
    rules: tuple[Local, ...]
    max_raised: float
    withheld: pl.Series
    made_by: dict[str, Any]

    @classmethod
    def of(cls, recipe: CurationRecipe, admission: Admission, withheld: pl.Series) -> Judging:
        """Return what a recipe does, and behind its rewrites what monitors repair and what reviewers wrote."""
        rewrites = (*recipe.rewrites(), *admission.repaired.rewrites(), *admission.review.rewrites())
        return cls(rewrites, tuple(recipe.locals()), recipe.max_raised, withheld, made_by(recipe))

    def may_raise(self, lines: int) -> int:
        """Return on how many of the rows of so many lines a stage may raise."""
        return max(MIN_RAISED, int(self.max_raised * lines))


def measure_rows(
    judging: Judging, files: list[ReadFile], reader: Reader, executor: Executor, report: Progress
) -> Parts:
    """Rewrite and measure every row of the files, if no earlier run did. Raises as `run_local` does."""
    wanted = set_apart(distinct(files), judging.withheld, edits_of(judging.rewrites))
    kept = Segments(reader.cache, judging.made_by)
    segments, found = kept.known(wanted)
    missing = wanted.filter(found.is_null())
    ranges = shuffled(missing, files, reader, reader.out / "ranges")
    most = judging.may_raise(sum(file.facts.lines for file in files))
    tasks = [
        LocalTask(rows, index, reader.out, judging.rewrites, judging.rules, most, judging.withheld)
        for index, rows in enumerate(ranges)
    ]
    fresh: list[Segment] = []
    raised: Counter[str] = Counter()
    for task, segment in zip(tasks, executor.map(run_local, tasks)):
        task.rows.remove()
        raised.update(segment.raised)
        _require_few(raised, most)
        fresh.append(kept.add(segment))  # at once, so that a run that is stopped leaves it to the next
        report("rules", len(fresh), len(tasks))
    place = len(segments) + pl.int_range(pl.len(), dtype=pl.UInt32) // range_rows(missing.height)
    chosen = [
        wanted.select("row_id", part=found).drop_nulls("part"),
        missing.select("row_id", part=place.cast(pl.UInt32)),
    ]
    return Parts([*segments, *fresh], pl.concat(chosen).sort("row_id"))


def require_few_raised(judging: Judging, data: Combined) -> None:
    """Raise TilthError if a stage raised on too many of the rows, those that earlier runs judged among them."""
    failed = data.findings.filter(pl.col("reason") == RAISED.reason)
    counted = Counter(dict(failed.group_by("stage").len().sort("stage").iter_rows()))
    _require_few(counted, judging.may_raise(data.occurrences.height))


def _require_few(raised: Counter[str], most: int) -> None:
    for stage, rows in raised.items():
        if rows > most:
            raise raised_too_often(stage, rows, most)
