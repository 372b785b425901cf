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

    A fault that may pass is tried again, in this run and at the next looks; a run that failed otherwise waits for other
    inputs or the next moment. Exit codes: 0 done or not due or no news, 3 checks failed or a source is gone, 75 busy.
    """
    from tilth.workbench import session
    from tilth.workbench.refreshing.due import not_due

    early = (
        not_due(recipe, overrides, session.store_path_of(recipe, store_path))
        if if_due and not dry_run
        else None
    )
    if early is not None:
        summary = f"{early.why}: not before {early.at.isoformat(timespec='minutes') if early.at else 'never'}"
        session.print_json({"state": "not due", "summary": summary}) if as_json else click.echo(
            f"refresh: {summary}"
        )
        return
    from tilth.workbench.refreshing.refresh import refresh_once

    loaded, store, screen = session.start(recipe, overrides, store_path, quiet=as_json)
    outcome = refresh_once(loaded, store, screen, if_due=if_due, dry_run=dry_run, overrides=overrides)
    if as_json:
        session.print_json(outcome)
    else:
        screen.print(f"refresh: {outcome['summary']}", markup=False)
    if outcome["state"] == "checks failed":
        raise SystemExit(3)


if __name__ == "__main__":
    main()
