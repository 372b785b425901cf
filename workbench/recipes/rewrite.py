"""Other bounds in a recipe, with its comments, its order and everything else as it stood."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any, cast

from tilth.shards.errors import UsageError


def with_bounds(text: str, bounds: Mapping[str, float]) -> str:
    """Return a recipe in which `curation.STAGE.PARAMETER` has these values, each key as `STAGE.PARAMETER`.

    A stage that the recipe does not name is added; one named with a bare value becomes a mapping. Raises UsageError
    for a text that is no mapping.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    recipe = yaml.load(text)
    if not isinstance(recipe, CommentedMap):
        raise UsageError("recipe", "is no mapping", "Nothing was written")
    if recipe.get("curation") is None:
        recipe["curation"] = CommentedMap()
    curation = recipe["curation"]
    for key, value in bounds.items():
        stage, _, parameter = key.partition(".")
        held = curation.get(stage)
        if not isinstance(held, dict):
            curation[stage] = held = _mapping(stage, held)
        held[parameter] = value
    out = io.StringIO()
    yaml.dump(recipe, out)
    return out.getvalue()


def _mapping(stage: str, bare: Any) -> Any:
    """Return the parameters that a bare value of a stage stands for: its first."""
    from dataclasses import fields

    from ruamel.yaml.comments import CommentedMap

    from tilth.curation.stage import registry

    made = CommentedMap()
    if bare is not None and bare is not True:
        first, *_ = fields(cast(Any, registry()[stage]))
        made[first.name] = bare
    return made
