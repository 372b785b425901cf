"""refresh: the whole loop on a schedule, under a lock, doing nothing where nothing is new."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tilth.workbench.session import HELP, guarded, json_option, recipe_options


@click.group(context_settings=HELP)
def main() -> None:
    """Run the loop (curate, train, curate again, train again, compare, promote) as a job."""


@main.command()
@recipe_options
@click.option("--if-due", is_flag=True, help="Only if the recipe's schedule says so since the last run.")
@click.option("--dry-run", is_flag=True, help="Say what would be done, and do nothing.")
@json_option
@guarded
def run(
    recipe: Path,
    overrides: tuple[str, ...],
    store_path: Path | None,
    if_due: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Do the loop once for RECIPE. Exit codes: 0 done or not due or no news, 3 checks failed, 75 busy."""
    from tilth.workbench import session
    from tilth.workbench.running import refresh as refreshing

    loaded, store, screen = session.start(recipe, overrides, store_path, quiet=as_json)
    outcome = refreshing.run(loaded, store, screen, if_due=if_due, dry_run=dry_run)
    if as_json:
        session.print_json(outcome)
    else:
        screen.print(f"refresh: {outcome['summary']}")
    if outcome["state"] == "checks failed":
        sys.exit(3)


@main.command()
@recipe_options
@json_option
@guarded
def status(recipe: Path, overrides: tuple[str, ...], store_path: Path | None, as_json: bool) -> None:
    """Say when the loop last ran and when it is next due."""
    from tilth.workbench import session
    from tilth.workbench.running import refresh as refreshing

    facts = refreshing.status(session.load(recipe, overrides), session.open_store(recipe, store_path))
    if as_json:
        session.print_json(facts)
        return
    for key, value in facts.items():
        session.console().print(f"{key.replace('_', ' '):<16} {'–' if value is None else value}")


@main.command()
@click.argument("kind", type=click.Choice(["systemd", "cron"]))
@recipe_options
@guarded
def emit(kind: str, recipe: Path, overrides: tuple[str, ...], store_path: Path | None) -> None:
    """Print a systemd unit or a cron line that runs the loop."""
    from tilth.workbench import session
    from tilth.workbench.running import schedule

    click.echo(schedule.emit(kind, session.load(recipe, overrides), store_path), nl=False)


if __name__ == "__main__":
    main()
