"""tilth log: the versions of a name."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, complete_names, json_option, store_folder
from tilth.workbench.session import guarded


@click.command("log", context_settings=HELP)
@click.argument("name", required=False, shell_complete=complete_names)
@store_folder
@json_option
@guarded
def main(name: str | None, store_path: Path, as_json: bool) -> None:
    """List the versions of NAME, newest first.

    NAME may be left out where there is only one.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.log import show_log
    from tilth.workbench.looking.versions import only_name, open_existing

    store = open_existing(store_path)
    entries = store.log(only_name(store, name))
    if as_json:
        session.print_json(entries)
    else:
        show_log(session.console(), entries)


if __name__ == "__main__":
    main()
