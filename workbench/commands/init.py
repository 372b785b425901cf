"""tilth init DATA: a commented recipe for some data."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP
from tilth.workbench.session import guarded


@click.command("init", context_settings=HELP)
@click.argument("data", nargs=-1, required=True)
@click.option(
    "--base", help="The model to tune: a folder, a hub name, or one of `tilth base`. Not needed to curate."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("recipe.yaml"),
    show_default=True,
    help="The recipe to write.",
)
@guarded
def main(data: tuple[str, ...], base: str | None, out: Path) -> None:
    """Write a commented recipe for DATA, and for a base where you will train.

    DATA: files, globs or folders on this machine, or an address: s3://, hf://. Beside the recipe it writes a JSON
    schema, by which an editor completes and checks keys.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.init import write_recipe

    write_recipe(data, base, out, session.console())


if __name__ == "__main__":
    main()
