"""tilth export VERSION FOLDER: a version as a dataset."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, anyway_option, json_option, store_folder, version_argument
from tilth.workbench.session import guarded

NAMES = ("openai", "trl", "axolotl", "llamafactory", "label-studio", "argilla")


@click.command("export", context_settings=HELP)
@version_argument("version")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--as", "format_name", type=click.Choice(NAMES),
              help="For another tool, in place of the layout of datasets.")  # fmt: skip
@anyway_option
@store_folder
@json_option
@guarded
def main(
    version: str, folder: Path, format_name: str | None, anyway: bool, store_path: Path, as_json: bool
) -> None:
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
    if format_name:
        from tilth.workbench.running.hand_over import hand_over

        facts = hand_over(opened, format_name, folder)
        store.add_receipt("export", opened.id, {"folder": str(folder.absolute())})
        if as_json:
            session.print_json({"version": opened.id, "folder": str(folder), **facts})
            return
        session.say(f"{folder}: " + ", ".join(f"{rows:,} {split}" for split, rows in facts["rows"].items()))
        for shape, rows in facts["left_out"].items():
            session.say(f"left out: {rows:,} {shape} rows, for which {format_name} has no place")
        return
    out = export(opened, folder)
    store.add_receipt("export", opened.id, {"folder": str(out)})  # where `tilth erase` has to look
    if as_json:
        session.print_json({"version": opened.id, "folder": str(out)})
    else:
        session.say(f"{out}\nread it with: datasets.load_dataset({str(out)!r})")


if __name__ == "__main__":
    main()
