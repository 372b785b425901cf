"""tilth review export NAME FILE: the decisions as a file."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, complete_names, json_option, store_folder
from tilth.workbench.session import guarded


@click.command("export", context_settings=HELP)
@click.argument("name", shell_complete=complete_names)
@click.argument("file", type=click.Path(path_type=Path))
@store_folder
@json_option
@guarded
def main(name: str, file: Path, store_path: Path, as_json: bool) -> None:
    """Write every decision about the rows of NAME to FILE: .jsonl for another store, .csv for a spreadsheet."""
    from tilth.workbench import session
    from tilth.workbench.looking.versions import open_existing
    from tilth.workbench.running.review import write_judgements

    written = write_judgements(open_existing(store_path), name, file)
    if as_json:
        session.print_json({"file": str(file), "decisions": written})
        return
    session.say(f"{file}: {written:,} decisions\ntake them in with: tilth review import {name} {file}")


if __name__ == "__main__":
    main()
