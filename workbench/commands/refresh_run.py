"""refresh run RECIPE: the loop once."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, recipe_options
from tilth.workbench.session import guarded


@click.command("run", context_settings=HELP)
@recipe_options
@click.option("--if-due", is_flag=True, help="Only if the recipe's schedule says so since the last run.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
@guarded
def main(
    recipe: Path,
    overrides: tuple[str, ...],
    store_path: Path | None,
    if_due: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Do the loop once for RECIPE.

    Exit codes: 0 done or not due or no news, 3 checks failed, 75 busy.
    """
    from tilth.workbench import session
    from tilth.workbench.running.refresh import refresh_once

    loaded, store, screen = session.start(recipe, overrides, store_path, quiet=as_json)
    outcome = refresh_once(loaded, store, screen, if_due=if_due, dry_run=dry_run)
    if as_json:
        session.print_json(outcome)
    else:
        screen.print(f"refresh: {outcome['summary']}", markup=False)
    if outcome["state"] == "checks failed":
        raise SystemExit(3)


if __name__ == "__main__":
    main()
