"""From a request to a page: forms that are checked, errors in plain words, templates beside those of the pages."""

from __future__ import annotations

import functools
import hmac
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode

import jinja2
from markupsafe import Markup, escape
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from tilth.shards.errors import Busy, ChecksFailed, TilthError, UsageError
from tilth.shards.judgement import MAX_NAME_CHARS
from tilth.validators import report
from tilth.workbench.serving.room import Opening, Room

WHO = "tilth-who"
MAX_FORM_BYTES = 16 << 20
MAX_FIELDS = 400
FORM_FIELD = "form_secret"
View = Callable[[Request], Response]
Handler = Callable[[Request], Awaitable[Response]]


@functools.cache
def templates() -> jinja2.Environment:
    """Return the environment of the pages, with the templates of this room before those of validators."""
    made = report.environment()
    beside = [Path(__file__).with_name("templates"), Path(report.__file__).parent]
    made.loader = jinja2.FileSystemLoader(beside)
    # In a form a text stands as it is, or sending it back would change it; the parser drops NUL and a lone CR anyway.
    made.filters["as_is"] = escape
    made.globals.update(link=link, shown=lambda items, most: items[:most], left_out=lambda items, most: 0)
    return made


def link(path: str, **params: Any) -> str:
    """Return an address of this server; every part of a path is quoted, parameters without a value are left out."""
    said = {name: value for name, value in params.items() if value not in (None, "")}
    quoted = "/".join(quote(part, safe="") for part in path.split("/"))
    return f"{quoted}?{urlencode(said)}" if said else quoted


def page(request: Request, template: str, *, status: int = 200, **context: Any) -> HTMLResponse:
    """Render a view."""
    room: Room = request.app.state.room
    html = (
        templates()
        .get_template(template)
        .render(room=room, who=who(request), secret=room.keys.secret, path=request.url.path, **context)
    )
    return HTMLResponse(html, status_code=status)


def fragment(html: str | Markup) -> HTMLResponse:
    """Return a part of a page."""
    return HTMLResponse(str(html))


def who(request: Request) -> str:
    """Return who decides here: whom the proxy names, else who this browser says it is, else who started the room."""
    room: Room = request.app.state.room
    if room.user_header is not None:
        return request.headers.get(room.user_header, "").strip()[:MAX_NAME_CHARS]
    from urllib.parse import unquote

    return unquote(request.cookies.get(WHO, "")).strip()[:MAX_NAME_CHARS] or room.user


def shown(view: Callable[..., Response]) -> Handler:
    """Make a handler of a view, run beside others in a thread; an error of ours becomes a page that says it."""

    @functools.wraps(view)
    async def handle(request: Request) -> Response:
        try:
            return await run_in_threadpool(view, request)
        except TilthError as error:
            return _said(request, error)

    return handle


def decided(view: Callable[[Request, dict[str, str]], Response]) -> Handler:
    """Make a handler of a view that takes a form: bounded in size, with the secret of a page of this server."""

    @functools.wraps(view)
    async def handle(request: Request) -> Response:
        try:
            form = await _form(request)
            return await run_in_threadpool(view, request, form)
        except TilthError as error:
            return _said(request, error)

    return handle


def back(path: str, **params: Any) -> RedirectResponse:
    """Go on with another view after something was decided."""
    return RedirectResponse(link(path, **params), 303)


def waiting(request: Request, opening: Opening, version: Any) -> Response:
    """Say that the index of a version is being made, and look again."""
    return page(
        request, "waiting.html.j2", title="Getting ready", opening=opening, version=version, status=202
    )


async def _form(request: Request) -> dict[str, str]:
    """Return the fields of a form. Raises UsageError for one that is too large or was not made here."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise UsageError(
                "form", "is too large", "Nothing was decided", f"At most {MAX_FORM_BYTES >> 20} MB"
            )
    try:
        pairs = parse_qsl(
            body.decode("utf-8"), keep_blank_values=True, strict_parsing=bool(body), max_num_fields=MAX_FIELDS
        )
    except ValueError as error:
        raise UsageError("form", "cannot be read", "Nothing was decided", "Load the page again") from error
    form = dict(pairs)
    room: Room = request.app.state.room
    if not hmac.compare_digest(form.pop(FORM_FIELD, "").encode(), room.keys.secret.encode()):
        raise Forged(
            "form", "was not made by a page of this server", "Nothing was decided", "Load the page again"
        )
    return form


class Forged(UsageError):
    """A form without the secret of this server."""


def _said(request: Request, error: TilthError) -> Response:
    status = 403 if isinstance(error, Forged) else 400 if isinstance(error, UsageError) else 500
    status = 409 if isinstance(error, ChecksFailed) else 503 if isinstance(error, Busy) else status
    return page(request, "error.html.j2", title="Not done", error=error, status=status)
