"""curate RECIPE: sources in, a judged version and its page out."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tilth.workbench.session import HELP, guarded, json_option, recipe_options


@click.command(context_settings=HELP)
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
)
@click.option("--rows", "shown_rows", default=20, show_default=True, help="How many rows --what-if lists.")
@json_option
@guarded
def main(
    recipe: Path,
    overrides: tuple[str, ...],
    store_path: Path | None,
    dry_run: bool,
    bounds: tuple[str, ...],
    shown_rows: int,
    as_json: bool,
) -> None:
    """Curate the sources of RECIPE and publish them as a version.

    Prints where every line went. Exit codes: 0 done or nothing new, 1 failed, 2 usage or recipe,
    3 checks failed (the candidate stays for inspection), 75 busy.
    """
    from tilth.workbench import session
    from tilth.workbench.running import curate as curating

    if bounds:
        from tilth.workbench.running import what_if

        found = what_if.facts(recipe, overrides, bounds, store_path)
        if as_json:
            session.print_json(found)
        else:
            what_if.show(session.console(), found, shown_rows)
        return
    loaded = session.load(recipe, overrides)
    screen = session.console(quiet=as_json)
    with curating.store_for(recipe, store_path, dry_run=dry_run) as store:
        with session.progress(screen) as report:
            outcome = curating.run(loaded, store, on_progress=report)
        page = curating.write_page(loaded, store, outcome)
        if as_json:
            session.print_json(curating.as_dict(outcome, page, dry_run=dry_run))
        else:
            curating.show(screen, loaded, outcome, page, dry_run=dry_run)
    if not outcome.passed:
        sys.exit(3)


if __name__ == "__main__":
    main()
