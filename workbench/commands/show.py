"""tilth show VERSION: what a version is made of."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, store_folder, version_argument
from tilth.workbench.session import guarded


@click.command("show", context_settings=HELP)
@version_argument("version")
@store_folder
@json_option
@guarded
def main(version: str, store_path: Path, as_json: bool) -> None:
    """Show what a version is made of: sources, counts, splits, feedback."""
    from tilth.workbench import session
    from tilth.workbench.looking.show import manifest_of, show_manifest
    from tilth.workbench.looking.versions import open_existing

    opened = open_existing(store_path).version(version)
    if as_json:
        session.print_json(manifest_of(opened))
    else:
        show_manifest(session.console(), opened)


if __name__ == "__main__":
    main()
