"""What a measure is held against: the bounds of the recipe, where it still is the one that made the version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tilth.curation.run.provenance import recipe_digest

if TYPE_CHECKING:
    from tilth.shards.version import Version
    from tilth.workbench.serving.room import Room


def bounds_of(room: Room, version: Version) -> dict[str, list[str]]:
    """Return, by measure (`stage.measure`), its bounds in words; nothing where the recipe is gone or has changed."""
    recipe = room.recipe(version.manifest.name)
    if recipe is None or recipe_digest(recipe.sources, recipe.curation) != version.manifest.recipe_digest:
        return {}
    bounds: dict[str, list[str]] = {}
    for stage in recipe.curation.locals():
        for rule in stage.rules():
            limits = [f"at least {rule.low:g}"] if rule.low is not None else []
            limits += [f"at most {rule.high:g}"] if rule.high is not None else []
            said = f"{' and '.join(limits)}, else {rule.verdict}: {rule.reason}"
            bounds.setdefault(f"{stage.name}.{rule.measure}", []).append(said)
    return bounds
