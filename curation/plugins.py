"""Stages of installed packages: loaded only when a recipe lists them.

A package offers a stage through an entry point of the group `tilth.stages`, whose name is what the recipe lists:

    [project.entry-points."tilth.stages"]
    profanity = "my_package.profanity:Profanity"
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points
from typing import cast

from tilth.curation.stage import Stage, registry
from tilth.shards.errors import RecipeError

GROUP = "tilth.stages"
KEY = ("curation", "plugins")


def load(names: Iterable[str]) -> dict[str, type[Stage]]:
    """Import the stages that a recipe lists and return them by their recipe key.

    Raises RecipeError where a plugin is not installed, cannot be imported, is no stage, or takes the name of
    another.
    """
    offered = {point.name: point for point in entry_points(group=GROUP)}
    stages: dict[str, type[Stage]] = {}
    for name in names:
        if name not in offered:
            close = difflib.get_close_matches(str(name), offered, n=1)
            hint = (
                f"did you mean {close[0]!r}?"
                if close
                else f"installed are: {', '.join(sorted(offered)) or 'none'}"
            )
            raise RecipeError(KEY, f"no installed package offers the stage {name!r}", hint)
        cls = _stage_of(offered[name])
        key = cls.name
        if key in registry() or key in stages:
            raise RecipeError(KEY, f"{name!r} is a stage named {key!r}, and there is one already")
        stages[key] = cls
    return stages


def versions(names: Iterable[str]) -> dict[str, str]:
    """Return name and version of the packages that the listed plugins come from."""
    listed = set(names)
    found = {p.dist for p in entry_points(group=GROUP) if p.name in listed and p.dist}
    return {distribution.name: distribution.version for distribution in found}


def _stage_of(point: EntryPoint) -> type[Stage]:
    try:
        cls = point.load()
    except Exception as error:
        raise RecipeError(
            KEY,
            f"the plugin {point.name!r} cannot be imported ({type(error).__name__})",
            "reinstall its package",
        ) from None
    is_stage = isinstance(cls, type) and all(hasattr(cls, name) for name in ("name", "phase"))
    if not is_stage or not any(hasattr(cls, method) for method in ("rewrite", "measure", "decide")):
        raise RecipeError(KEY, f"the plugin {point.name!r} is no stage", "its class needs @stage and a phase")
    return cast("type[Stage]", cls)
