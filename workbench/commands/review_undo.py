"""tilth review undo NAME: take decisions back."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, complete_names, json_option, store_folder
from tilth.workbench.session import guarded


@click.command("undo", context_settings=HELP)
@click.argument("name", shell_complete=complete_names)
@click.argument("ids", nargs=-1)
@click.option("--by", "author", help="Every decision of this person.")
@click.option("--act", help="Only those that say so: keep, drop, repair, relabel.")
@store_folder
@json_option
@guarded
def main(
    name: str, ids: tuple[str, ...], author: str | None, act: str | None, store_path: Path, as_json: bool
) -> None:
    """Take back the decisions with these IDS (beginnings will do), or those of one person.

    Nothing is removed: the log says who took back what. The next curate acts as if it had not been said.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.versions import open_existing
    from tilth.workbench.running.review import take_back

    facts = take_back(open_existing(store_path), name, ids, author, act)
    if as_json:
        session.print_json(facts)
    else:
        session.say(f"{facts['undone']:,} decisions taken back; the next curate no longer acts on them")


if __name__ == "__main__":
    main()
