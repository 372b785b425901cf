"""curate RECIPE: sources in, a judged version and its page out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tilth.workbench.options import HELP, complete_keys, json_option, recipe_options, rows_option
from tilth.workbench.session import guarded


@click.command("curate", context_settings=HELP)
@recipe_options
@click.option(
    "--dry-run", is_flag=True, help="Curate into a throwaway store and print what would be published."
)
@click.option(
    "--what-if",
    "bounds",
    multiple=True,
    metavar="KEY=VALUE",
    help="Print which rows would come and go: --what-if dedup.near_jaccard=0.9. Changes nothing.",
    shell_complete=complete_keys,
)
@rows_option(20, help_text="How many rows --what-if lists.")
@json_option
@guarded
def main(
    recipe: Path,
    overrides: tuple[str, ...],
    store_path: Path | None,
    dry_run: bool,
    bounds: tuple[str, ...],
    max_rows: int,
    as_json: bool,
) -> None:
    """Curate the sources of RECIPE and publish them as a version.

    Prints where every line went. Exit codes: 0 done or nothing new, 1 failed, 2 usage or recipe,
    3 checks failed (the candidate stays for inspection), 75 busy.
    """
    from tilth.workbench import session
    from tilth.workbench.running.curate import as_dict, curate_recipe, show_outcome, store_for, write_page

    if bounds:
        from tilth.workbench.running import what_if

        found = what_if.facts(recipe, overrides, bounds, store_path)
        if as_json:
            session.print_json(found)
        else:
            what_if.show(session.console(), found, max_rows)
        return
    loaded = session.load(recipe, overrides)
    screen = session.console(quiet=as_json)
    with store_for(recipe, store_path, dry_run=dry_run) as store:
        with session.progress(screen) as report:
            outcome = curate_recipe(loaded, store, on_progress=report)
        page = write_page(loaded, store, outcome)
        if as_json:
            session.print_json(as_dict(outcome, page, dry_run=dry_run))
        else:
            show_outcome(screen, loaded, outcome, page, dry_run=dry_run)
    if not outcome.passed:
        sys.exit(3)


if __name__ == "__main__":
    main()
