"""refresh serve RECIPE…: the loop as a service."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, store_option
from tilth.workbench.session import guarded


@click.command("serve", context_settings=HELP)
@click.argument(
    "recipes", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path)
)
@store_option
@guarded
def main(recipes: tuple[Path, ...], store_path: Path | None) -> None:
    """Look every minute whether RECIPEs are due and run them, one after another, until stopped.

    Where no timer is at hand; `refresh emit` writes one for those that are.
    """
    from tilth.workbench import session
    from tilth.workbench.refreshing.serve import serve

    serve(recipes, store_path, session.say)


if __name__ == "__main__":
    main()
