"""tilth diff OLD NEW: what changed between two versions."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, rows_option, store_folder, version_argument
from tilth.workbench.session import guarded


@click.command("diff", context_settings=HELP)
@version_argument("old")
@version_argument("new")
@rows_option(50)
@store_folder
@json_option
@guarded
def main(old: str, new: str, max_rows: int, store_path: Path, as_json: bool) -> None:
    """List row by row what changed from OLD to NEW, and why.

    `tilth rows --moved OLD NEW` lists the same rows with their text.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.diff import as_dict, changes_between, show_changes
    from tilth.workbench.looking.versions import open_existing

    store = open_existing(store_path)
    before, after = store.version(old), store.version(new)
    changes = changes_between(before, after)
    if as_json:
        session.print_json(as_dict(before, after, changes))
    else:
        show_changes(session.console(), before, after, changes, max_rows)


if __name__ == "__main__":
    main()
