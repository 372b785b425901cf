"""refresh emit: how an operating system is told to run the loop."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, recipe_options
from tilth.workbench.session import guarded


@click.command("emit", context_settings=HELP)
@click.argument("kind", type=click.Choice(["systemd", "cron"]))
@recipe_options
@guarded
def main(kind: str, recipe: Path, overrides: tuple[str, ...], store_path: Path | None) -> None:
    """Print a systemd unit or a cron line that runs the loop."""
    from tilth.workbench import session
    from tilth.workbench.running.schedule import emit

    click.echo(emit(kind, session.load(recipe, overrides), store_path), nl=False)


if __name__ == "__main__":
    main()
