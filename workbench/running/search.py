"""train --find-rate, --choose-base and --curve: short runs before a run, and what the screen says of them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from tilth.workbench.running.train import request_of
from tilth.workbench.session import print_json, progress

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.store import Store
    from tilth.shards.version import Version
    from tilth.training.search.choose_base import BaseChoice
    from tilth.training.search.find_rate import RateSearch
    from tilth.workbench.recipes.sections import Recipe


def search_rate(screen: Console, recipe: Recipe, store: Store, version: Version, *, as_json: bool) -> None:
    """Search a learning rate, keep the search for the page of the next run, and print it."""
    from tilth.training.search.find_rate import find_rate

    with progress(screen) as report:
        found = find_rate(request_of(recipe, version), store, on_progress=report)
    if as_json:
        print_json(found.to_dict())
    else:
        show_rate(screen, recipe.path, found)


def show_rate(screen: Console, path: Path, found: RateSearch) -> None:
    """Print the range test, the short runs and the rate they chose."""
    for line in found.lines():
        screen.print(escape(line))
    screen.print(f"[bold]next[/]: train {escape(path.name)} --set training.rate={found.rate:g}")


def rank_bases(screen: Console, recipe: Recipe, store: Store, version: Version, *, as_json: bool) -> None:
    """Rank the bases of a recipe, keep the ranking in the store, and print it."""
    from tilth.training.search.choose_base import choose_base

    with progress(screen) as report:
        choice = choose_base(request_of(recipe, version), store, on_progress=report)
    if as_json:
        print_json(choice.to_dict())
    else:
        show_bases(screen, recipe.path, choice)


def draw_curve(screen: Console, recipe: Recipe, store: Store, version: Version, *, as_json: bool) -> None:
    """Measure the data-efficiency curve of the base of a recipe, keep it in the store, and print it."""
    from tilth.training.search.curve import data_curve

    with progress(screen) as report:
        found = data_curve(request_of(recipe, version), store, on_progress=report)
    if as_json:
        print_json(found.to_dict())
        return
    for line in found.lines():
        screen.print(escape(line))


def show_bases(screen: Console, path: Path, choice: BaseChoice) -> None:
    """Print the ranking, the data-efficiency curve of the first, and how to train it."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    titles = (
        "base",
        "bits per byte",
        "after its longest run",
        "predicted when tuned",
        "twice the data",
        "rate",
        "cost",
    )
    for title in titles:
        table.add_column(title, justify="left" if title == "base" else "right")
    for one in [*choice.candidates, choice.scratch]:
        gain = "" if one.doubling is None else f"-{one.doubling:.3f}"
        table.add_row(
            escape(one.base),
            f"{one.bits_per_byte:.3f}",
            f"{one.points[-1][1]:.3f} ({one.longest:.1%})" if one.longest else "",
            _predicted(one),
            gain,
            f"{one.rate:g}",
            f"{one.cost:.1%}",
        )
    screen.print(table)
    for line in choice.lines():
        screen.print(escape(line))
    screen.print(f"[bold]next[/]: train {escape(path.name)} --set training.base={escape(choice.chosen.base)}")


def _predicted(one: Any) -> str:
    return "filtered out" if one.predicted is None else f"{one.predicted:.3f}"
