"""tilth rows: the rows that a rule, a tag, a finding or two versions name."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import (
    HELP,
    complete_versions,
    json_option,
    rows_option,
    store_folder,
    version_option,
)
from tilth.workbench.session import guarded


@click.command("rows", context_settings=HELP)
@click.option(
    "--finding", help="What training found of them: noisy, uncertain, repeated, memorising, overfit."
)
@click.option("--rule", help="The reason or the stage that took them: near_duplicate, dedup.")
@click.option("--tag", help="The reason or the stage that tagged them: refused, language.")
@click.option(
    "--quarantined", is_flag=True, help="What was set aside, lines that could not be read among it."
)
@click.option(
    "--moved",
    nargs=2,
    metavar="OLD NEW",
    help="What came, went or changed verdict, reason or split between two versions.",
    shell_complete=complete_versions,
)
@version_option("Look in this version (default: the newest candidate).")
@rows_option(20)
@click.option(
    "--out", type=click.Path(path_type=Path), help="Write all of them to FILE.jsonl or FILE.parquet."
)
@store_folder
@json_option
@guarded
def main(
    finding: str | None,
    rule: str | None,
    tag: str | None,
    quarantined: bool,
    moved: tuple[str, str] | None,
    version_id: str | None,
    max_rows: int,
    out: Path | None,
    store_path: Path,
    as_json: bool,
) -> None:
    """List rows with text, place, rule, value, bound and witness.

    Name one of --finding, --rule, --tag, --quarantined, --moved. Texts are shown as they are, not redacted; only
    what would steer a terminal is replaced. --json prints one JSON object a line.
    """
    from tilth.shards.errors import UsageError
    from tilth.workbench import session
    from tilth.workbench.looking.rows import Chosen, as_lines, rows_of, show_rows, write_rows
    from tilth.workbench.looking.versions import open_existing, version_of

    named = [finding, rule, tag, quarantined or None, moved]
    if len([one for one in named if one is not None]) != 1:
        raise UsageError(
            "tilth rows",
            "one of --finding, --rule, --tag, --quarantined, --moved says which rows",
            next_step="tilth rows --rule near_duplicate",
        )
    store = open_existing(store_path)
    version = store.version(moved[1]) if moved else version_of(store, version_id)
    rows = rows_of(store, version, Chosen(finding, rule, tag, quarantined, moved))
    if out is not None:
        write_rows(rows, out)
        session.say(f"{rows.height:,} rows in {out}", err=as_json)
    elif as_json:
        click.echo(as_lines(rows), nl=False)
    else:
        show_rows(session.console(), rows, max_rows)


if __name__ == "__main__":
    main()
