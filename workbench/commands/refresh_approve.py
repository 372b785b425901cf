"""refresh approve RECIPE: serve the candidate because a person says so."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, recipe_options, version_option
from tilth.workbench.session import guarded


@click.command("approve", context_settings=HELP)
@recipe_options
@click.option("--by", required=True, help="Who decides.")
@click.option("--reason", required=True, help="Why.")
@version_option("The version that is meant: refused where the candidate is another by now.")
@json_option
@guarded
def main(
    recipe: Path,
    overrides: tuple[str, ...],
    store_path: Path | None,
    by: str,
    reason: str,
    version_id: str | None,
    as_json: bool,
) -> None:
    """Serve the candidate of RECIPE, with who says so and why (`refresh: {promote: approval}` waits for it).

    Exit codes: 0 noted, 2 no such candidate, 3 its checks failed.
    """
    from tilth.workbench import session
    from tilth.workbench.refreshing.approval import decide

    loaded = session.load(recipe, overrides)
    store = session.open_store(recipe, store_path)
    facts = decide(store, loaded.name, approved=True, by=by, reason=reason, version_id=version_id)
    if as_json:
        session.print_json(facts)
    else:
        session.say(f"{facts['name']} {facts['version'][:12]} {facts['decision']} by {by}")


if __name__ == "__main__":
    main()
