"""tilth judge RECIPE: scores of every kept row by a model at an endpoint."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, recipe_options
from tilth.workbench.session import guarded


@click.command("judge", context_settings=HELP)
@recipe_options
@click.option("--url", required=True, help="An OpenAI-compatible endpoint: http://127.0.0.1:8000/v1")
@click.option("--model", required=True, help="The name of the judge at that endpoint.")
@click.option("--key-env", metavar="NAME", help="The environment variable that holds the endpoint's key.")
@click.option("--dry-run", is_flag=True, help="Show what would be asked, and send nothing.")
@json_option
@guarded
def main(
    recipe: Path,
    overrides: tuple[str, ...],
    store_path: Path | None,
    url: str,
    model: str,
    key_env: str | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Let a model at an endpoint score every kept row from 1 to 5.

    The rows are those of RECIPE's candidate. Their text goes to --url and nowhere else. A rerun asks only about
    rows not asked about before.
    """
    from tilth.workbench import session
    from tilth.workbench.running.judge import endpoint, judge_candidate

    loaded, store, screen = session.start(recipe, overrides, store_path, quiet=as_json)
    judge_candidate(loaded, store, screen, endpoint(url, model, key_env), dry_run=dry_run, as_json=as_json)


if __name__ == "__main__":
    main()
