"""tilth compare RUN: a blind vote on answers of base and tuned."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, run_argument, store_folder
from tilth.workbench.session import guarded


@click.command("compare", context_settings=HELP)
@run_argument
@click.option(
    "--rows", type=click.IntRange(1), default=20, show_default=True, help="How many prompts to vote on."
)
@store_folder
@json_option
@guarded
def main(run: str, rows: int, store_path: Path, as_json: bool) -> None:
    """Vote, blind, on answers of base and tuned side by side.

    RUN: the beginning of a run id. Keys: 1 or 2 for the better answer, 0 or = for neither, q to stop; the same
    command goes on. --json prints the votes so far and asks nothing.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.compare import collect_votes, results, show
    from tilth.workbench.looking.runs import find_run
    from tilth.workbench.looking.versions import open_existing

    folder = find_run(open_existing(store_path), run)
    if as_json:
        session.print_json(results(folder, rows))
    else:
        screen = session.console()
        show(screen, collect_votes(folder, screen, rows), folder)


if __name__ == "__main__":
    main()
