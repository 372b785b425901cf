"""refresh status RECIPE: when the loop last ran."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, recipe_options
from tilth.workbench.session import guarded


@click.command("status", context_settings=HELP)
@recipe_options
@json_option
@guarded
def main(recipe: Path, overrides: tuple[str, ...], store_path: Path | None, as_json: bool) -> None:
    """Say when the loop last ran and when it is next due."""
    from tilth.workbench import session
    from tilth.workbench.refreshing.refresh import status

    facts = status(session.load(recipe, overrides), session.open_store(recipe, store_path))
    if as_json:
        session.print_json(facts)
        return
    for key, value in facts.items():
        session.console().print(
            f"{key.replace('_', ' '):<16} {'–' if value is None else value}", markup=False
        )


if __name__ == "__main__":
    main()
