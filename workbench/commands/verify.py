"""tilth verify: is every byte of a store as it was written?"""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, store_folder, version_argument
from tilth.workbench.session import guarded


@click.command("verify", context_settings=HELP)
@version_argument("version", required=False)
@click.option("--erased", is_flag=True, help="Search every byte, packed ones too, for what was erased.")
@store_folder
@json_option
@guarded
def main(version: str | None, erased: bool, store_path: Path, as_json: bool) -> None:
    """Check that no byte of VERSION, or of the whole store, is damaged.

    It reads what is stored and judges no row: that is `validate RECIPE`. A server is asked by `tilth check URL`.
    Exit codes: 0 whole, 1 damaged, or something of an erased row is left.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.verify import show_erased, verified
    from tilth.workbench.looking.versions import open_existing

    store = open_existing(store_path)
    if erased:
        show_erased(store, as_json=as_json)
        return
    opened = store.version(version) if version else None
    facts = verified(store, opened)
    if as_json:
        session.print_json(facts)
    for problem in () if as_json else facts["problems"]:
        session.say(problem, err=True)
    if facts["problems"]:
        raise SystemExit(1)
    if not as_json:
        what = f"version {opened.short}" if opened else f"{facts['versions']} version(s)"
        session.say(f"{what}: every byte is as it was written")


if __name__ == "__main__":
    main()
