"""What if: other bounds, and at once the rows that would come and go; what is wanted is written to the recipe."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tilth.shards.atomic import write_file
from tilth.shards.errors import UsageError
from tilth.workbench.running import what_if
from tilth.workbench.serving.room import Room
from tilth.workbench.serving.web import back, decided, page, shown

SHOWN_ROWS, STEPS = 100, 100


@dataclass(frozen=True)
class Slider:
    """A bound of the recipe. key: below `curation`. least, most, step: of the slider; value: as the recipe says."""

    key: str
    value: float
    least: float
    most: float
    step: float


def show(request: Request) -> Response:
    """Show the bounds of a recipe and, where some are moved, what would change."""
    room: Room = request.app.state.room
    name = request.path_params["name"]
    path = room.path_of_recipe(name)
    recipe = room.recipe(name)
    if path is None or recipe is None:
        return page(request, "what_if.html.j2", title="What if", name=name, sliders=[], found=None, moved={}, recipe="",
                    version=room.newest(name))  # fmt: skip
    sliders = sliders_of(recipe)
    moved = _moved(sliders, dict(request.query_params))
    found = None
    if moved:
        found = what_if.facts(
            path, (), tuple(f"{key}={value:g}" for key, value in moved.items()), room.store.root
        )
    return page(
        request, "what_if.html.j2", title="What if", name=name, sliders=sliders, found=found, moved=moved,
        recipe=path.name,
        version=room.newest(name), shown_rows=SHOWN_ROWS,
    )  # fmt: skip


def sliders_of(recipe: Any) -> list[Slider]:
    """Return the bounds that are numbers, of the stages that are on, in the order they act."""
    found = []
    for stage in recipe.curation.stages:
        for one in fields(stage):
            value = getattr(stage, one.name)
            if not one.metadata.get("limit") or isinstance(value, bool) or not isinstance(value, int | float):
                continue
            if 0 <= value <= 1 and isinstance(value, float):
                least, most, step = 0.0, 1.0, 1 / STEPS
            else:
                least, most = 0.0, max(2.0 * abs(value), 10.0)
                step = 1.0 if isinstance(value, int) else 10 ** math.floor(math.log10(most / STEPS))
            found.append(Slider(f"{stage.name}.{one.name}", value, least, most, step))
    return found


def _moved(sliders: list[Slider], params: dict[str, str]) -> dict[str, float]:
    """Return the bounds that a page asks for and the recipe does not say. Raises UsageError for what is no number."""
    moved = {}
    for slider in sliders:
        said = params.get(slider.key)
        if said in (None, ""):
            continue
        try:
            value = float(str(said))
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise UsageError(
                f"bound {slider.key}", f"{str(said)[:40]!r} is no number", "Nothing was replayed"
            )
        if value != slider.value:
            moved[slider.key] = int(value) if isinstance(slider.value, int) and value == int(value) else value
    return moved


def write(request: Request, form: dict[str, str]) -> Response:
    """Write bounds to the recipe: comments and order stay, and what would be no recipe any more is not written."""
    from tilth.workbench.recipes.recipe_file import load
    from tilth.workbench.recipes.rewrite import with_bounds

    room: Room = request.app.state.room
    name = request.path_params["name"]
    path, recipe = room.path_of_recipe(name), room.recipe(name)
    if path is None or recipe is None:
        raise UsageError(
            f"recipe of {name[:80]}",
            "is not beside the store",
            "Nothing was written",
            "Start with --recipe FILE",
        )
    moved = _moved(sliders_of(recipe), form)
    if not moved:
        raise UsageError("what if", "no bound was moved", "Nothing was written", "Move one first")
    load(
        path, tuple(f"curation.{key}={value}" for key, value in moved.items())
    )  # raises where it would be refused
    write_file(path, with_bounds(path.read_text(encoding="utf-8"), moved).encode())
    return back(f"/what-if/{name}", written=", ".join(f"{key}={value:g}" for key, value in moved.items()))


ROUTES = [
    Route("/what-if/{name}", shown(show)),
    Route("/what-if/{name}/write", decided(write), methods=["POST"]),
]
