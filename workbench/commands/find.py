"""tilth find TEXT: whether a text, or one like it, is among the rows of a version."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, complete_versions, json_option, rows_option, store_folder
from tilth.workbench.session import guarded


@click.command("find", context_settings=HELP)
@click.argument("text")
@click.option(
    "--in",
    "version_id",
    metavar="VERSION",
    help="Look in this version (default: the newest candidate).",
    shell_complete=complete_versions,
)
@click.option(
    "--at",
    "jaccard",
    type=click.FloatRange(0.5, 1),
    default=0.8,
    show_default=True,
    help="The least Jaccard similarity of word shingles that counts as alike.",
)
@rows_option(20, help_text="How many rows are listed.")
@store_folder
@json_option
@guarded
def main(
    text: str, version_id: str | None, jaccard: float, max_rows: int, store_path: Path, as_json: bool
) -> None:
    """Say whether TEXT, or one like it, is in a version, and what became of it.

    TEXT: a text, or a file of rows, each of whose prompts and responses is looked for. Prompts and responses of rows
    are compared one by one. Exit codes: 0 found, 1 not found.
    """
    import sys

    from tilth.workbench import session
    from tilth.workbench.looking import find
    from tilth.workbench.looking.versions import open_existing, version_of

    store = open_existing(store_path)
    version, asked = version_of(store, version_id), find.asked_of(text)
    screen = session.console(quiet=as_json)
    with session.progress(screen) as report:
        found = find.found_in(store, version, asked, jaccard, report)
    if as_json:
        session.print_json(find.facts_of(version, asked, found))
    else:
        find.show(screen, version, asked, found, max_rows)
    if found.is_empty():
        sys.exit(1)


if __name__ == "__main__":
    main()
