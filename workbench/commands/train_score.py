"""train score RECIPE: what a model thinks of every row, for curation to read."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, recipe_options, version_option
from tilth.workbench.session import guarded


@click.command("score", context_settings=HELP)
@recipe_options
@click.option("--model", help="A folder or a hub name instead of the recipe's base.")
@click.option(
    "--scores", default="perplexity,ifd", show_default=True, help="Which scores, separated by commas."
)
@version_option("Score the rows of this version instead of the candidate's.")
@json_option
@guarded
def main(
    recipe: Path,
    overrides: tuple[str, ...],
    store_path: Path | None,
    model: str | None,
    scores: str,
    version_id: str | None,
    as_json: bool,
) -> None:
    """Score every row of RECIPE's candidate with a model: perplexity of the answer, and IFD.

    Writes a file of scores into the store and prints the line that lets `curate` read it. A rerun goes on where
    the last one stopped and computes only rows that this model has not read yet.
    """
    from tilth.workbench import session
    from tilth.workbench.running.score import as_dict, score_rows, show

    loaded, store, screen = session.start(recipe, overrides, store_path, quiet=as_json)
    with session.progress(screen) as report:
        scored = score_rows(
            loaded, store, model=model, scores=scores, version_id=version_id, on_progress=report
        )
    if as_json:
        session.print_json(as_dict(scored))
    else:
        show(screen, loaded, scored)


if __name__ == "__main__":
    main()
