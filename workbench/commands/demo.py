"""tilth demo: the whole loop on the bundled sample."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP
from tilth.workbench.session import guarded


@click.command("demo", context_settings=HELP)
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path),
    default=Path("demo"),
    show_default=True,
    help="Where to work.",
)
@guarded
def main(folder: Path) -> None:
    """Run the whole loop on the bundled sample.

    Curates, trains, curates again, trains again, compares.
    """
    from tilth.workbench import session
    from tilth.workbench.running.demo import run_demo

    run_demo(folder, session.console())


if __name__ == "__main__":
    main()
