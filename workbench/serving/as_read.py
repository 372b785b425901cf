"""The text of a row as its source holds it: read again from the file, where that is still what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from tilth.curation.reading.files import find_files
from tilth.curation.reading.read import ingest
from tilth.shards.digest import file_sha256
from tilth.shards.errors import TilthError
from tilth.shards.lock import temporary
from tilth.workbench.serving.room import Room

if TYPE_CHECKING:
    from tilth.shards.version import Version

MAX_BYTES = 64 << 20


def as_read(room: Room, version: Version, story: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """Return the turns of a row as read, or none and why they cannot be had."""
    recipe = room.recipe(version.manifest.name)
    if recipe is None:
        return (
            [],
            "The recipe that made this version no longer lies beside the store; start with --recipe FILE.",
        )
    path = story["places"][0]["path"]
    try:
        with temporary() as folder:
            for source in recipe.sources:
                files = [
                    file
                    for file in find_files([source], recipe.base_dir, folder, recipe.limits)
                    if file.named == path
                ]
                if not files:
                    continue
                if files[0].local.stat().st_size > MAX_BYTES:
                    return [], f"{path} is larger than {MAX_BYTES >> 20} MB; `tilth rows` reads it."
                if file_sha256(files[0].local) not in version.manifest.sources:
                    return [], f"{path} is no longer the file that this version was made from."
                (folder / "read").mkdir()
                read = ingest([source], recipe.base_dir, folder / "read", recipe.limits)
                wanted = bytes.fromhex(story["row_id"])
                for part in read.parts:
                    turns = (
                        pl.scan_parquet(part.turns, glob=False).filter(pl.col("row_id") == wanted).collect()
                    )
                    if turns.height:
                        return turns.sort("turn").drop("row_id").to_dicts(), ""
    except (TilthError, OSError) as error:
        return [], error.what if isinstance(error, TilthError) else f"{path} cannot be read."
    return [], f"{path} is not among the files that the recipe names now."
