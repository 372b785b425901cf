"""What stands in a manifest for the recipe, the stages and the libraries: digests, never paths."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tilth.curation.plugins import versions as plugin_versions
from tilth.curation.reading.source import Source
from tilth.curation.recipe import CurationRecipe
from tilth.curation.run.code_digest import code_digest
from tilth.curation.stage import Stage, parameters
from tilth.shards.digest import canonical_json, file_sha256, sha256_hex

FIRST_KEYS = ("path", "name", "format", "map", "group", "licence", "attributes")
LIBRARIES = ("tilth", "polars", "numpy", "numba", "langdetect")


def recipe_digest(sources: Iterable[Source], recipe: CurationRecipe) -> str:
    """Return the digest of everything in a recipe that decides which rows are kept; the order of sources does not."""
    stages = {s.name: _parameters(s, limits=True) for s in recipe.stages}
    pushback = parameters(recipe.pushback, limits=True) if recipe.pushback else None
    return sha256_hex(
        canonical_json(
            {
                "sources": sorted(map(_declared, sources), key=canonical_json),
                "stages": stages,
                "slice_by": list(recipe.slice_by),
                "pushback": pushback,
            }
        )
    )


def _declared(source: Source) -> dict[str, Any]:
    """Return what a source says; keys younger than the first versions count only where they are set."""
    said = source.model_dump(mode="json")
    usual = {name: field.default for name, field in Source.model_fields.items()}
    return {name: value for name, value in said.items() if name in FIRST_KEYS or value != usual[name]}


def stage_digests(stages: Iterable[Stage]) -> dict[str, str]:
    """Return, by name, the digest of what each stage measures: name, parameters that are no limits, and the code.

    The code is its module and what that imports of ours: see code_digest.py.
    """
    return {
        s.name: sha256_hex(
            canonical_json([s.name, _parameters(s, limits=False), code_digest(type(s).__module__)])
        )
        for s in stages
    }


def made_by(recipe: CurationRecipe) -> dict[str, Any]:
    """Return what decides what is made of a row by itself: stages but for bounds of rules, their code, libraries."""
    rewrites = recipe.rewrites()
    stages: list[Stage] = [*rewrites, *recipe.locals()]
    return {
        "code": code_digest(f"{__package__}.local"),  # that of reviewers' edits with it
        "rewrites": [_parameters(stage, limits=True) for stage in rewrites],
        "stages": sorted(stage_digests(stages).items()),
        "order": [stage.name for stage in stages],
        "libraries": library_versions(recipe.plugins),
    }


def library_versions(plugins: Iterable[str] = ()) -> dict[str, str]:
    """Return the versions of the libraries, and of the packages of plugins, that a decision may depend on."""
    return {name: version(name) for name in LIBRARIES} | plugin_versions(plugins)


def _parameters(stage: Any, *, limits: bool) -> dict[str, Any]:
    """Return a stage's parameters, with files it reads replaced by the digests of their bytes."""
    values = parameters(stage, limits=limits)
    if "paths" in values:
        values["paths"] = sorted(file_sha256(Path(p)) for p in values["paths"])
    if values.get("embeddings"):
        path = Path(values["embeddings"])  # written by a command that reads this recipe: it may be to come
        values["embeddings"] = file_sha256(path) if path.is_file() else None
    return values
