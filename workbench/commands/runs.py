"""tilth runs: the training runs of a store."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, store_folder
from tilth.workbench.session import guarded


@click.command("runs", context_settings=HELP)
@store_folder
@json_option
@guarded
def main(store_path: Path, as_json: bool) -> None:
    """List the training runs, newest first: version, word, figures and where they lie."""
    from tilth.workbench import session
    from tilth.workbench.looking.runs import list_runs, show_runs
    from tilth.workbench.looking.versions import open_existing

    runs = list_runs(open_existing(store_path))
    if as_json:
        session.print_json(runs)
    else:
        show_runs(session.console(), runs)


if __name__ == "__main__":
    main()
