"""What a recipe that allows some licences needs of the rows: that one of them states a licence."""

from __future__ import annotations

import polars as pl

from tilth.curation.rules.licences import Licences
from tilth.curation.stage import Local
from tilth.shards.errors import RecipeError
from tilth.shards.tables import Verdict


def require_licences(stages: list[Local], rows: pl.DataFrame) -> None:
    """Raise RecipeError if the recipe allows some licences and every row would stay, because none states one."""
    stage = next((stage for stage in stages if isinstance(stage, Licences)), None)
    if stage is None or stage.allow is None or stage.unknown is not Verdict.KEEP or not rows.height:
        return
    if rows["licence"].null_count() == rows.height:
        raise RecipeError(
            ("curation", "licences", "allow"),
            "no row states a licence, so that every row would be kept",
            "name the column or the licence of each source (`licence: MIT`), or set `unknown: drop`",
        )
