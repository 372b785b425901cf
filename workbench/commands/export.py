"""tilth export VERSION FOLDER: a version as a dataset."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, anyway_option, json_option, store_folder, version_argument
from tilth.workbench.session import guarded


@click.command("export", context_settings=HELP)
@version_argument("version")
@click.argument("folder", type=click.Path(path_type=Path))
@anyway_option
@store_folder
@json_option
@guarded
def main(version: str, folder: Path, anyway: bool, store_path: Path, as_json: bool) -> None:
    """Write a version to FOLDER, for datasets.load_dataset.

    Parquet shards, a card, the ledger of every line, and croissant.json. A version whose checks failed is refused
    (exit code 3) without --anyway.
    """
    from tilth.shards.export import export
    from tilth.workbench import session
    from tilth.workbench.looking.versions import open_existing, require_checked

    store = open_existing(store_path)
    opened = store.version(version)
    require_checked(opened, anyway=anyway)
    out = export(opened, folder)
    store.add_receipt("export", opened.id, {"folder": str(out)})  # where `tilth erase` has to look
    if as_json:
        session.print_json({"version": opened.id, "folder": str(out)})
    else:
        session.say(f"{out}\nread it with: datasets.load_dataset({str(out)!r})")


if __name__ == "__main__":
    main()
