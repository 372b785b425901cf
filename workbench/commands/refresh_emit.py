"""refresh emit: how another program is told to run the loop."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, recipe_options
from tilth.workbench.session import guarded


@click.command("emit", context_settings=HELP)
@click.argument("kind", type=click.Choice(["systemd", "cron", "k8s", "airflow", "dagster", "github"]))
@recipe_options
@guarded
def main(kind: str, recipe: Path, overrides: tuple[str, ...], store_path: Path | None) -> None:
    """Print what tells another program to run the loop: a unit, a line, a CronJob, a DAG, a workflow."""
    from tilth.workbench import session
    from tilth.workbench.refreshing.emit import emit

    click.echo(emit(kind, session.load(recipe, overrides), store_path), nl=False)


if __name__ == "__main__":
    main()
