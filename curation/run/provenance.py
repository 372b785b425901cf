"""What stands in a manifest for the recipe, the stages and the libraries: digests, never paths."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tilth.curation.plugins import versions as plugin_versions
from tilth.curation.reading.source import Source
from tilth.curation.recipe import CurationRecipe
from tilth.curation.stage import Stage, parameters
from tilth.shards.digest import canonical_json, file_sha256, sha256_hex

LIBRARIES = ("tilth", "polars", "numpy", "numba", "langdetect")


def recipe_digest(sources: Iterable[Source], recipe: CurationRecipe) -> str:
    """Return the digest of everything in a recipe that decides which rows are kept; the order of sources does not."""
    stages = {str(s.name): _parameters(s, limits=True) for s in recipe.stages}  # type: ignore[union-attr]
    pushback = parameters(recipe.pushback, limits=True) if recipe.pushback else None
    return sha256_hex(
        canonical_json(
            {
                "sources": sorted((s.model_dump(mode="json") for s in sources), key=canonical_json),
                "stages": stages,
                "slice_by": list(recipe.slice_by),
                "pushback": pushback,
            }
        )
    )


def stage_digests(stages: Iterable[Stage]) -> dict[str, str]:
    """Return, by name, the digest of what each stage measures: name, parameters that are no limits, and the code.

    The code is that of the whole room: a stage leans on kernels in other files.
    """
    code = _code_digest()
    return {
        name: sha256_hex(canonical_json([name, _parameters(s, limits=False), code]))
        for name, s in ((str(s.name), s) for s in stages)  # type: ignore[union-attr]
    }


def library_versions(plugins: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions of the libraries, and of the packages of plugins, that a decision may depend on."""
    return {name: version(name) for name in LIBRARIES} | plugin_versions(plugins)


@cache
def _code_digest() -> str:
    room = Path(__file__).parents[1]
    return sha256_hex(canonical_json([sha256_hex(path.read_bytes()) for path in sorted(room.rglob("*.py"))]))


def _parameters(stage: Any, *, limits: bool) -> dict[str, Any]:
    """Return a stage's parameters, with files it reads replaced by the digests of their bytes."""
    values = parameters(stage, limits=limits)
    if "paths" in values:
        values["paths"] = sorted(file_sha256(Path(p)) for p in values["paths"])
    if values.get("embeddings"):
        path = Path(values["embeddings"])  # written by a command that reads this recipe: it may be to come
        values["embeddings"] = file_sha256(path) if path.is_file() else None
    return values
