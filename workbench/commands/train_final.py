"""train final RECIPE: the release on the sealed split, once."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, recipe_options
from tilth.workbench.session import guarded


@click.command("final", context_settings=HELP)
@recipe_options
@json_option
@guarded
def main(recipe: Path, overrides: tuple[str, ...], store_path: Path | None, as_json: bool) -> None:
    """Score what RECIPE serves on the sealed split `final`: once for each version, with a receipt.

    Nothing else reads these rows. What may be published is the loss, unless its rows cannot tell it from that of the
    best release before.
    """
    from tilth.workbench import session
    from tilth.workbench.running.final import lines, score_release

    loaded, store, _ = session.start(recipe, overrides, store_path, quiet=as_json)
    scored = score_release(loaded, store)
    if as_json:
        session.print_json(scored)
        return
    for line in lines(scored):
        session.say(line)


if __name__ == "__main__":
    main()
