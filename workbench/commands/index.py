"""tilth index: one page that links all pages of a store."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, store_folder
from tilth.workbench.session import guarded


@click.command("index", context_settings=HELP)
@store_folder
@json_option
@guarded
def main(store_path: Path, as_json: bool) -> None:
    """Write one page that links every page of the store: versions, runs, comparisons."""
    from tilth.workbench import session
    from tilth.workbench.looking.index import index_facts, write_index
    from tilth.workbench.looking.versions import open_existing

    store = open_existing(store_path)
    page = write_index(store)
    if as_json:
        session.print_json({**index_facts(store), "page": str(page)})
    else:
        session.say(str(page))


if __name__ == "__main__":
    main()
