"""validate RECIPE|VERSION|FILE: judge a published version, or read a data file and say what is wrong with it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, store_option, version_option
from tilth.workbench.session import guarded


@click.command("validate", context_settings=HELP)
@click.argument("target", metavar="RECIPE|VERSION|FILE", type=click.Path(path_type=Path))
@click.option(
    "--by", type=click.Path(path_type=Path), help="The recipe whose checks judge a VERSION or FILE."
)
@version_option("The version to judge (default: the candidate).")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A folder for the rows of failing checks and for checks.xml (JUnit).",
)
@click.option(
    "--suite",
    "suite_path",
    type=click.Path(path_type=Path),
    help="Write what the recipe expects as a GX suite.",
)
@store_option
@json_option
@guarded
def main(
    target: Path,
    by: Path | None,
    version_id: str | None,
    out: Path | None,
    suite_path: Path | None,
    store_path: Path | None,
    as_json: bool,
) -> None:
    """Judge a version by the checks of RECIPE, or read a data FILE and name its bad lines.

    The `checks:` of a recipe are bounds on the metrics of a version and expectations of its rows; a FILE is held
    against the expectations of --by. Whether stored bytes are whole alone is `tilth verify`; whether a server gives a
    run's answers, `tilth check`. Exit codes: 0 all checks passed, 1 damaged, 2 usage or recipe, 3 checks failed.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.validate import file_facts, save_suite, show, version_facts

    screen = session.console(quiet=as_json)
    is_recipe = target.suffix in (".yaml", ".yml")
    recipe = target if is_recipe else by
    if suite_path is not None:
        save_suite(recipe, suite_path)
    if is_recipe:
        facts = version_facts(target, store_path, version_id, out)
    elif by is not None and not target.exists():
        facts = version_facts(by, store_path, str(target), out)
    else:
        facts = file_facts(target, by, out)
    if as_json:
        session.print_json(facts)
    else:
        show(screen, facts)
    if not facts["passed"]:
        sys.exit(3)


if __name__ == "__main__":
    main()
