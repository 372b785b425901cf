"""tilth cache: what runs keep for the next ones, and how large it is."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, store_folder
from tilth.workbench.session import guarded

# What each kind of file, by the first word of its name, is kept for.
KINDS = {
    "read": "what the lines of a source file are, by the file's digest",
    "judged": "rows rewritten and measured, by the row and the stages",
    "rows": "rows that barriers met together",
    "seen": "what a barrier saw of a row by itself",
    "evidence": "what a barrier saw of all rows together",
    "index": "MinHash bands of texts, for `tilth find`",
    "run": "what the last run said, for one that is asked the same",
    "page": "how a page was written",
}
OTHER = "anything else: token caches and what older versions kept"


@click.command("cache", context_settings=HELP)
@store_folder
@json_option
@guarded
def main(store_path: Path, as_json: bool) -> None:
    """Show what runs keep for the next ones.

    All of it can be made again: it is bounded by `curation.max_cache_bytes`, what was not used for longest going first,
    and `tilth gc` removes it.
    """
    from tilth.curation.run.kept.folder import usage
    from tilth.validators.wording import size
    from tilth.workbench import session
    from tilth.workbench.looking.versions import open_existing

    held = usage(open_existing(store_path).cache)
    total = sum(taken for _, taken in held.values())
    if as_json:
        session.print_json(
            {
                "bytes": total,
                "kinds": {kind: {"files": files, "bytes": taken} for kind, (files, taken) in held.items()},
            }
        )
        return
    table = session.plain_table("kind", "files", "size", "what it is")
    for kind, (files, taken) in held.items():
        table.add_row(kind, f"{files:,}", size(taken), KINDS.get(kind, OTHER))
    if held:
        session.console().print(table)
    session.say(f"{size(total)} in all")


if __name__ == "__main__":
    main()
