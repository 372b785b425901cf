"""tilth gguf RUN: the weights of a run in one file for llama.cpp."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, run_argument, store_folder
from tilth.workbench.session import guarded


@click.command("gguf", context_settings=HELP)
@run_argument
@store_folder
@json_option
@guarded
def main(run: str, store_path: Path, as_json: bool) -> None:
    """Write the merged weights of RUN as one GGUF file.

    llama.cpp's own converter does it, where it is installed.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.gguf import write_gguf
    from tilth.workbench.looking.runs import find_run
    from tilth.workbench.looking.versions import open_existing

    folder = find_run(open_existing(store_path), run)
    path = write_gguf(folder)
    if as_json:
        session.print_json({"run": folder.name, "path": str(path)})
    else:
        session.say(str(path))


if __name__ == "__main__":
    main()
