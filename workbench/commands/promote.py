"""tilth promote NAME: serve the candidate."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, complete_names, json_option, store_folder
from tilth.workbench.session import guarded


@click.command("promote", context_settings=HELP)
@click.argument("name", shell_complete=complete_names)
@click.option("--on-checks", is_flag=True, help="Serve what feedback steered though no comparison allows it.")
@store_folder
@json_option
@guarded
def main(name: str, on_checks: bool, store_path: Path, as_json: bool) -> None:
    """Serve the candidate of NAME: from now on NAME means this version.

    A candidate whose checks failed is refused (exit code 3), and so is one that feedback steered until a comparison
    with its parent allows it. `tilth rollback NAME` goes back.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.versions import open_existing
    from tilth.workbench.running.promote import promote_version

    facts = promote_version(open_existing(store_path), name, on_checks=on_checks)
    if as_json:
        session.print_json(facts)
        return
    state = "now serves" if facts["changed"] else "served already"
    session.say(f"{name} {state} {facts['version'][:12]}\ngo back with: tilth rollback {name}")


if __name__ == "__main__":
    main()
