"""tilth stages: what curation can do."""

from __future__ import annotations

import click

from tilth.workbench.options import HELP, complete_stages, json_option
from tilth.workbench.session import guarded


@click.command("stages", context_settings=HELP)
@click.argument("name", required=False, shell_complete=complete_stages)
@json_option
@guarded
def main(name: str | None, as_json: bool) -> None:
    """List what curation can do, or all parameters of the stage NAME."""
    from tilth.workbench import session
    from tilth.workbench.looking import stages

    if as_json:
        session.print_json(stages.as_dicts(name))
    else:
        stages.show(session.console(), name)


if __name__ == "__main__":
    main()
