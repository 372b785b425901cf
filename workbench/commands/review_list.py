"""tilth review list NAME: decisions, agreement, and how precise each rule proved."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, complete_names, json_option, store_folder
from tilth.workbench.session import guarded


@click.command("list", context_settings=HELP)
@click.argument("name", shell_complete=complete_names)
@click.option("--by", "author", help="Only the decisions of this person.")
@store_folder
@json_option
@guarded
def main(name: str, author: str | None, store_path: Path, as_json: bool) -> None:
    """List who decided what about the rows of NAME, where they disagree, and the precision of each rule."""
    from tilth.workbench import session
    from tilth.workbench.looking.review import review_facts, show_review
    from tilth.workbench.looking.versions import open_existing

    facts = review_facts(open_existing(store_path), name, author)
    if as_json:
        session.print_json(facts)
    else:
        show_review(session.console(), facts)


if __name__ == "__main__":
    main()
