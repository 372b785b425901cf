"""validate RECIPE|FILE: judge a published version, or read a data file and say what is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tilth.workbench.session import HELP, guarded, json_option, store_option


@click.command(context_settings=HELP)
@click.argument("target", metavar="RECIPE|FILE", type=click.Path(path_type=Path))
@click.option("--version", "version_id", help="The version to judge (default: the candidate).")
@store_option
@json_option
@guarded
def main(target: Path, version_id: str | None, store_path: Path | None, as_json: bool) -> None:
    """Check the bytes and the metrics of a version, or the lines of a data file.

    Exit codes: 0 all checks passed, 1 damaged, 2 usage or recipe, 3 checks failed.
    """
    from tilth.workbench import session
    from tilth.workbench.looking import validate as validating

    screen = session.console(quiet=as_json)
    if target.suffix in (".yaml", ".yml"):
        facts = validating.version_facts(target, store_path, version_id)
    else:
        facts = validating.file_facts(target)
    if as_json:
        session.print_json(facts)
    else:
        validating.show(screen, facts)
    if not facts["passed"]:
        sys.exit(3)


if __name__ == "__main__":
    main()
