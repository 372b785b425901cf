"""tilth explain ROW: why a row stayed or went."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, store_folder, version_option
from tilth.workbench.session import guarded


@click.command("explain", context_settings=HELP)
@click.argument("row")
@version_option("Look in this version (default: the newest candidate).")
@store_folder
@json_option
@guarded
def main(row: str, version_id: str | None, store_path: Path, as_json: bool) -> None:
    """Say why ROW stayed or went, with its tags and what training found of it.

    ROW: the beginning of a row id, or FILE:LINE, where the name of the file is enough if only one is called so.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.explain import explained, show_explained
    from tilth.workbench.looking.versions import open_existing, version_of

    store = open_existing(store_path)
    version = version_of(store, version_id)
    facts = explained(store, version, row)
    if as_json:
        session.print_json(facts)
    else:
        show_explained(session.console(), version, facts)


if __name__ == "__main__":
    main()
