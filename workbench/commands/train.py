"""train RECIPE: a tuned model, and evidence of what it learned and forgot."""

from __future__ import annotations

from pathlib import Path

import click

from tilth.workbench.options import HELP, anyway_option, json_option, recipe_options, version_option
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
@click.option(
    "--curve",
    is_flag=True,
    help="Measure what more data buys, and the base against random weights, and stop.",
)
@version_option("Train this version even if recipe or sources changed since.")
@anyway_option
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
    curve: bool,
    version_id: str | None,
    anyway: bool,
    fresh: bool,
    seed: int | None,
    as_json: bool,
) -> None:
    """Tune the base of RECIPE on its candidate version and write down what the run says of the data.

    A rerun resumes. Exit codes: 0 done, 1 failed, 2 usage or recipe (also: the sources or the recipe changed
    since `curate`), 3 the word is DO NOT USE (or the checks of the version failed), 75 busy.
    """
    from tilth.workbench import session
    from tilth.workbench.looking.versions import require_checked
    from tilth.workbench.running.search import draw_curve, rank_bases, search_rate
    from tilth.workbench.running.train import launch, show_peek, show_plan, train_and_show, version_to_train

    loaded, store, screen = session.start(recipe, overrides, store_path, quiet=as_json)
    version = version_to_train(loaded, store, version_id)
    require_checked(version, anyway=anyway or plan or peek)
    if plan:
        show_plan(screen, loaded, version, as_json=as_json)
    elif peek:
        show_peek(screen, loaded, version)
    elif find_rate:
        search_rate(screen, loaded, store, version, as_json=as_json)
    elif choose_base:
        rank_bases(screen, loaded, store, version, as_json=as_json)
    elif curve:
        draw_curve(screen, loaded, store, version, as_json=as_json)
    else:
        code = launch(loaded)
        if code is None:
            code = train_and_show(loaded, store, screen, version, fresh=fresh, seed=seed, as_json=as_json)
        raise SystemExit(code)


if __name__ == "__main__":
    main()
