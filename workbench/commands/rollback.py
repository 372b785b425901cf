"""tilth rollback NAME: an earlier version is the candidate again."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, complete_names, complete_versions, json_option, store_folder
from tilth.workbench.session import guarded


@click.command("rollback", context_settings=HELP)
@click.argument("name", shell_complete=complete_names)
@click.option(
    "--to", help="Go back to this version (default: the one before).", shell_complete=complete_versions
)
@store_folder
@json_option
@guarded
def main(name: str, to: str | None, store_path: Path, as_json: bool) -> None:
    """Make an earlier version of NAME the candidate again.

    Nothing is deleted.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.versions import open_existing
    from tilth.workbench.running.rollback import roll_back

    facts = roll_back(open_existing(store_path), name, to)
    if as_json:
        session.print_json(facts)
        return
    session.say(f"{name} is {facts['version'][:12]} again")
    if facts["undo"]:
        session.say(f"take this back with: {facts['undo']}")


if __name__ == "__main__":
    main()
