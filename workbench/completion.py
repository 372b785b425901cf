"""What a shell completes: versions, names, runs, stages and keys of a recipe.

Click asks for it where completion is switched on: eval "$(_TILTH_COMPLETE=bash_source tilth)".
"""

from __future__ import annotations

from pathlib import Path

import click

SHORT_HEX = 12
CANDIDATE = ".candidate"


def complete_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of a store that begin so."""
    refs = [path.name.removesuffix(CANDIDATE) for path in (_store(ctx) / "refs").glob("*")]
    return _beginning(refs, incomplete)


def complete_versions(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the refs and the short ids of versions of a store that begin so."""
    store = _store(ctx)
    ids = [path.stem[:SHORT_HEX] for path in (store / "versions").glob("*.json")]
    return _beginning([*(path.name for path in (store / "refs").glob("*")), *ids], incomplete)


def complete_runs(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the ids of the finished runs of a store that begin so."""
    return _beginning([path.parent.name for path in (_store(ctx) / "runs").glob("*/run.json")], incomplete)


def complete_stages(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the names of stages that begin so."""
    from tilth.curation.stage import registry

    return _beginning(list(registry()), incomplete)


def complete_keys(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Return the keys of a recipe that begin so, each with its `=`; for --what-if those below `curation`."""
    from tilth.workbench.recipes.keys import recipe_keys

    below = "curation." if param.name == "bounds" else ""
    paths = (key.path for key in recipe_keys() if key.path.startswith(below))
    return _beginning([f"{path.removeprefix(below)}=" for path in paths], incomplete)


def _store(ctx: click.Context) -> Path:
    """Return the store that the words so far name: --store, else .tilth beside the recipe or here."""
    recipe = ctx.params.get("recipe")
    return ctx.params.get("store_path") or Path(recipe or "").parent / ".tilth"


def _beginning(words: list[str], incomplete: str) -> list[str]:
    return sorted({word for word in words if word.startswith(incomplete) and not word.startswith("lock")})
