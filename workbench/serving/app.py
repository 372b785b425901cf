"""The room as an ASGI application: the views, the files they bring, and the gate before them."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from tilth.workbench.serving.gate import Gate
from tilth.workbench.serving.pages import home, refresh, review, rows, runs, version, what_if
from tilth.workbench.serving.room import Room
from tilth.workbench.serving.web import page, templates

STATIC = Path(__file__).with_name("static")
SCRIPTS = ("htmx.min.js", "room.js")
VIEWS = (home, version, rows, review, runs, what_if, refresh)


def make_app(room: Room, hosts: frozenset[str]) -> ASGIApp:
    """Return the application. hosts: the names under which it may be asked for."""
    app = Starlette(
        routes=[route for view in VIEWS for route in view.ROUTES] + [Route("/static/{name}", _static)],
        exception_handlers={404: _missing, 405: _missing, 500: _broken},
    )
    app.state.room = room
    return Gate(app, room.keys, hosts, room.user_header, read_only=room.read_only)


@cache
def style() -> str:
    """Return the style sheet: that of the static pages, and behind it what only the room has."""
    return templates().get_template("style.css.j2").render() + (STATIC / "room.css").read_text(
        encoding="utf-8"
    )


def _static(request: Request) -> Response:
    name = request.path_params["name"]
    kept = {"cache-control": "private, max-age=3600"}
    if name == "style.css":
        return Response(style(), media_type="text/css; charset=utf-8", headers=kept)
    if name in SCRIPTS:
        return FileResponse(STATIC / name, media_type="text/javascript; charset=utf-8", headers=kept)
    return Response("not here\n", status_code=404, media_type="text/plain")


def _missing(request: Request, _: Exception) -> Response:
    return page(request, "lost.html.j2", title="Not here", status=404, words="There is no such page.")


def _broken(request: Request, error: Exception) -> Response:
    what = f"This page failed ({type(error).__name__}); nothing was changed."
    words = f"{what} This is a defect of Tilth: please report it."
    return page(request, "lost.html.j2", title="Failed", status=500, words=words)
