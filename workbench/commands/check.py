"""tilth check URL: does a server say what the run said?"""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, complete_runs, json_option, store_folder
from tilth.workbench.session import guarded


@click.command("check", context_settings=HELP)
@click.argument("url")
@click.option("--model", help="The model's name at the server (default: the first it lists).")
@click.option(
    "--run",
    help="The beginning of a run id (default: the newest finished run).",
    shell_complete=complete_runs,
)
@click.option(
    "--allow", type=click.IntRange(0), default=2, show_default=True, help="How many answers may differ."
)
@store_folder
@json_option
@guarded
def main(url: str, model: str | None, run: str | None, allow: int, store_path: Path, as_json: bool) -> None:
    """Ask a server a run's stored prompts and compare the answers.

    URL: OpenAI-compatible, http://127.0.0.1:8000/v1. It tests what serves the model, not data (`validate`) and
    not the store (`tilth verify`). Exit codes: 0 the same, 3 more answers differ than may.
    """
    from tilth.workbench import session
    from tilth.workbench.looking import check
    from tilth.workbench.looking.runs import find_run
    from tilth.workbench.looking.versions import open_existing

    named, routes = check.ask_server(find_run(open_existing(store_path), run), url, model)
    if as_json:
        session.print_json(check.as_dict(named, routes))
    else:
        check.show(session.console(), named, routes)
    check.require_same(url, routes, allow)


if __name__ == "__main__":
    main()
