"""validate RECIPE|FILE: judge a published version, or read a data file and say what is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, store_option, version_option
from tilth.workbench.session import guarded


@click.command("validate", context_settings=HELP)
@click.argument("target", metavar="RECIPE|FILE", type=click.Path(path_type=Path))
@version_option("The version to judge (default: the candidate).")
@store_option
@json_option
@guarded
def main(target: Path, version_id: str | None, store_path: Path | None, as_json: bool) -> None:
    """Judge a version by the checks of RECIPE, or read a data FILE and name its bad lines.

    The `checks:` of a recipe are bounds on the metrics of a version; this holds them against the version as it is
    stored. Whether its bytes are whole alone is `tilth verify`; whether a server gives a run's answers, `tilth check`.
    Exit codes: 0 all checks passed, 1 damaged, 2 usage or recipe, 3 checks failed.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.validate import file_facts, show, version_facts

    screen = session.console(quiet=as_json)
    is_recipe = target.suffix in (".yaml", ".yml")
    facts = version_facts(target, store_path, version_id) if is_recipe else file_facts(target)
    if as_json:
        session.print_json(facts)
    else:
        show(screen, facts)
    if not facts["passed"]:
        sys.exit(3)


if __name__ == "__main__":
    main()
