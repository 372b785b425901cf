"""tilth erase ROW…: rows whose text is to be nowhere in the store."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, named_rows_options, store_folder
from tilth.workbench.session import guarded


@click.command("erase", context_settings=HELP)
@named_rows_options
@click.option("--reason", default="", help="Why; kept in the record, so name nobody.")
@store_folder
@json_option
@guarded
def main(
    rows: tuple[str, ...],
    source: str | None,
    where: str | None,
    duplicates: bool,
    yes: bool,
    dry_run: bool,
    reason: str,
    store_path: Path,
    as_json: bool,
) -> None:
    """Retract these rows and remove their text from the store; this cannot be taken back.

    Objects, cache, pages, run folders and exports that held it are written anew; ids, digests and a record without
    text stay. Models that learned the rows are listed. Exit codes: 0 nothing is left, 1 something is.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.versions import open_existing
    from tilth.workbench.retraction import erase
    from tilth.workbench.retraction.named_rows import Named

    store = open_existing(store_path)
    facts = erase.erase(
        store, Named(rows, source, where, duplicates), reason=reason, yes=yes, dry_run=dry_run
    )
    if as_json:
        session.print_json(facts)
    else:
        session.say("\n".join(erase.lines(facts)))
    if facts["done"]:
        erase.require_nothing_left(facts)


if __name__ == "__main__":
    main()
