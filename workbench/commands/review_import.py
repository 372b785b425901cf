"""tilth review import NAME FILE: decisions that were made elsewhere."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, complete_names, json_option, store_folder
from tilth.workbench.session import guarded


@click.command("import", context_settings=HELP)
@click.argument("name", shell_complete=complete_names)
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@store_folder
@json_option
@guarded
def main(name: str, file: Path, store_path: Path, as_json: bool) -> None:
    """Take in decisions about the rows of NAME: .jsonl of `tilth review export`, .json of Label Studio or Argilla.

    A decision that is there already changes nothing. A line that is no decision refuses the whole file.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.versions import open_existing
    from tilth.workbench.running.review import take_in

    facts = take_in(open_existing(store_path), name, file)
    if as_json:
        session.print_json(facts)
    else:
        session.say(
            f"{facts['new']:,} of {facts['decisions']:,} decisions are new; the next curate reads them"
        )


if __name__ == "__main__":
    main()
