"""tilth retract ROW…: rows that no version may keep from now on."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, named_rows_options, store_folder
from tilth.workbench.session import guarded


@click.command("retract", context_settings=HELP)
@named_rows_options
@click.option("--undo", type=click.IntRange(1), metavar="N", help="Take retraction N back.")
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
    undo: int | None,
    reason: str,
    store_path: Path,
    as_json: bool,
) -> None:
    """Let no version keep these rows from the next curate on.

    ROW is an id, its first digits, or path:line. What they had suppressed as duplicates comes back. What is stored
    stays: `tilth erase` removes it. The retraction holds for rows of these very words, wherever they turn up.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.versions import open_existing
    from tilth.workbench.retraction import retract
    from tilth.workbench.retraction.named_rows import Named

    store = open_existing(store_path)
    if undo is not None:
        facts = retract.undo(store, undo, reason=reason)
    else:
        named = Named(rows, source, where, duplicates)
        facts = retract.retract(store, named, reason=reason, yes=yes, dry_run=dry_run)
    if as_json:
        session.print_json(facts)
    elif undo is not None:
        session.say(f"restored {facts['rows']:,} rows from the next curate on")
    else:
        session.say("\n".join(retract.lines(facts)))


if __name__ == "__main__":
    main()
