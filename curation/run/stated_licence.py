"""The licence that a row states of itself, in a column called so, where the recipe names none for its source."""

from __future__ import annotations

import polars as pl

from tilth.curation.rules.licences import Licences
from tilth.curation.stage import Local
from tilth.shards.errors import RecipeError
from tilth.shards.tables import Verdict

COLUMNS = ("licence", "license", "Licence", "License", "LICENSE", "license_name", "spdx", "rights")


def with_stated_licence(rows: pl.DataFrame) -> pl.DataFrame:
    """Return the rows with `licence` filled from their attributes where it is null; attributes stay."""
    lacks = rows["licence"].is_null() & rows["attributes"].str.contains_any(
        [f'"{name}":' for name in COLUMNS]
    )
    if not lacks.fill_null(False).any():
        return rows
    stated = pl.coalesce(pl.col("attributes").str.json_path_match(f"$.{name}") for name in COLUMNS)
    stated = stated.str.strip_chars()
    said = pl.when(lacks.fill_null(False) & (stated != "")).then(stated)
    return rows.with_columns(licence=pl.coalesce("licence", said))


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
