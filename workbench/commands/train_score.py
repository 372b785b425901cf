"""train score RECIPE: what a model thinks of every row, for curation to read."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.session import HELP, guarded, json_option, recipe_options


@click.command(context_settings=HELP)
@recipe_options
@click.option("--model", help="A folder or a hub name instead of the recipe's base.")
@click.option(
    "--scores", default="perplexity,ifd", show_default=True, help="Which scores, separated by commas."
)
@click.option("--version", "version_id", help="Score the rows of this version instead of the candidate's.")
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
    from tilth.workbench.running import score as scoring

    loaded, store, screen = session.start(recipe, overrides, store_path, quiet=as_json)
    with session.progress(screen) as report:
        scored = scoring.run(
            loaded, store, model=model, scores=scores, version_id=version_id, on_progress=report
        )
    if as_json:
        session.print_json(scoring.as_dict(scored))
    else:
        scoring.show(screen, loaded, scored)


if __name__ == "__main__":
    main()
