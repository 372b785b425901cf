"""refresh history RECIPE: what each run came to, and what was served each day."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, recipe_options, rows_option
from tilth.workbench.session import guarded


@click.command("history", context_settings=HELP)
@recipe_options
@rows_option(30, help_text="How many runs to list.")
@json_option
@guarded
def main(
    recipe: Path, overrides: tuple[str, ...], store_path: Path | None, max_rows: int, as_json: bool
) -> None:
    """List the runs of the loop, newest first, and on which days what is served changed.

    --json also gives the sources each run found, whom it told, and what was served on every day.
    """
    from tilth.workbench import session
    from tilth.workbench.refreshing.account import account, show
    from tilth.workbench.refreshing.due import now, zone_of

    loaded, store, screen = session.start(recipe, overrides, store_path, quiet=as_json)
    zone = zone_of(loaded.refresh.timezone)
    facts = account(store, loaded.name, zone, now().astimezone(zone).date(), max_rows)
    if as_json:
        session.print_json(facts)
    else:
        show(screen, facts)


if __name__ == "__main__":
    main()
