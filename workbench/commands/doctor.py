"""tilth doctor FILE: what is in a data file, without a recipe."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option
from tilth.workbench.session import guarded


@click.command("doctor", context_settings=HELP)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="The folder of the page (default: doctor-FILE).")
@json_option
@guarded
def main(file: Path, out: Path | None, as_json: bool) -> None:
    """Examine a data FILE without a recipe, changing nothing.

    Writes a page about its health, and says what a recipe for it could say.
    """
    from tilth.workbench import session
    from tilth.workbench.looking import doctor

    facts, page = doctor.write_health_page(file, out)
    if as_json:
        session.print_json({**facts, "page": str(page)})
    else:
        doctor.show(session.console(), facts, page)


if __name__ == "__main__":
    main()
