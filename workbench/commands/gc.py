"""tilth gc: remove what nothing names any more."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, store_folder
from tilth.workbench.session import guarded


@click.command("gc", context_settings=HELP)
@click.option(
    "--keep",
    type=click.IntRange(0),
    default=10,
    show_default=True,
    help="Versions to keep behind each ref.",
)
@click.option("--dry-run", is_flag=True, help="Only say what would go.")
@store_folder
@json_option
@guarded
def main(keep: int, dry_run: bool, store_path: Path, as_json: bool) -> None:
    """Remove objects that no kept version and no feedback names."""
    from tilth.workbench import session
    from tilth.workbench.looking.versions import open_existing

    facts = open_existing(store_path).gc(keep=keep, dry_run=dry_run)
    if as_json:
        session.print_json({**facts, "dry_run": dry_run})
        return
    stays = {kind: facts.pop(f"{kind}_kept") for kind in ("versions", "objects")}
    gone, kept = (", ".join(f"{n:,} {kind}" for kind, n in part.items()) for part in (facts, stays))
    session.say(f"{'would remove' if dry_run else 'removed'} {gone}; kept {kept}")


if __name__ == "__main__":
    main()
