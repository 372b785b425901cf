"""train RECIPE: a tuned model, and evidence of what it learned and forgot."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, json_option, recipe_options, version_option
from tilth.workbench.registry import WithSubcommands
from tilth.workbench.session import guarded


@click.command("train", cls=WithSubcommands, context_settings=HELP)
@recipe_options
@click.option(
    "--plan", is_flag=True, help="Print bytes, steps and time before any weight is loaded, and stop."
)
@click.option("--peek", is_flag=True, help="Print rendered samples with the loss tokens marked, and stop.")
@click.option("--find-rate", is_flag=True, help="Search a learning rate with short runs, and stop.")
@click.option(
    "--choose-base", is_flag=True, help="Rank the bases of training.bases with short runs, and stop."
)
@version_option("Train this version even if recipe or sources changed since.")
@click.option("--fresh", is_flag=True, help="Start anew instead of resuming.")
@click.option("--seed", type=click.IntRange(0), help="Use this seed instead of the recipe's.")
@json_option
@guarded
def main(
    recipe: Path,
    overrides: tuple[str, ...],
    store_path: Path | None,
    plan: bool,
    peek: bool,
    find_rate: bool,
    choose_base: bool,
    version_id: str | None,
    fresh: bool,
    seed: int | None,
    as_json: bool,
) -> None:
    """Tune the base of RECIPE on its candidate version and write down what the run says of the data.

    A rerun resumes. Exit codes: 0 done, 1 failed, 2 usage or recipe (also: the sources or the recipe changed
    since `curate`), 75 busy.
    """
    from tilth.workbench import session
    from tilth.workbench.running.search import rank_bases, search_rate
    from tilth.workbench.running.train import (
        as_dict,
        launch,
        show_peek,
        show_plan,
        show_run,
        show_start,
        train_version,
        version_to_train,
    )

    loaded, store, screen = session.start(recipe, overrides, store_path, quiet=as_json)
    version = version_to_train(loaded, store, version_id)
    if plan:
        show_plan(screen, loaded, version, as_json=as_json)
    elif peek:
        show_peek(screen, loaded, version)
    elif find_rate:
        search_rate(screen, loaded, store, version, as_json=as_json)
    elif choose_base:
        rank_bases(screen, loaded, store, version, as_json=as_json)
    else:
        code = launch(loaded)
        if code is not None:
            raise SystemExit(code)
        with session.progress(screen) as report:
            result = train_version(
                loaded,
                store,
                version,
                fresh=fresh,
                seed=seed,
                on_progress=report,
                on_plan=show_start(screen),
            )
        if as_json:
            session.print_json(as_dict(result))
        else:
            show_run(screen, result)


if __name__ == "__main__":
    main()
