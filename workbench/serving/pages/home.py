"""Home: what the store holds, what ran last, and what waits for a person."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from tilth.shards.errors import TilthError
from tilth.shards.judgement import MAX_NAME_CHARS, standings
from tilth.workbench.looking.review import live
from tilth.workbench.looking.runs import list_runs
from tilth.workbench.serving.room import Room
from tilth.workbench.serving.web import WHO, back, decided, page, shown

SHOWN_RUNS, SHOWN_VERSIONS = 6, 6


def home(request: Request) -> Response:
    """Say of every name what is served, what is the candidate, and what waits."""
    room: Room = request.app.state.room
    names = [_name(room, name) for name in room.store.names()]
    runs, problem = [], ""
    try:
        runs = list_runs(room.store)[:SHOWN_RUNS]
    except (TilthError, OSError, ValueError, KeyError):
        problem = "A run's page cannot be read; those that can are on the page of runs."
    return page(request, "home.html.j2", title="Home", names=names, runs=runs, problem=problem)


def _name(room: Room, name: str) -> dict[str, Any]:
    """Return what is said of a name; where its refs or versions are damaged, what is whole and the problem."""
    said: dict[str, Any] = {
        "name": name,
        "problem": "",
        "versions": [],
        "waits": [],
        "candidate": None,
        "served": None,
    }
    try:
        candidate, served = room.store.candidate(name), room.store.served(name)
        said["versions"] = room.store.log(name)[:SHOWN_VERSIONS]
    except TilthError as error:
        said["problem"] = error.message()
        return said
    said |= {"candidate": candidate and candidate.short, "served": served and served.short}
    said["counts"] = candidate.manifest.counts if candidate else {}
    if candidate is None:
        return said
    failed = sorted(check for check, passed in candidate.manifest.checks.items() if not passed)
    if failed:
        said["waits"].append((f"Failed checks: {', '.join(failed)}.", f"/version/{candidate.short}"))
    elif served is None or served.id != candidate.id:
        said["waits"].append(("The candidate passed its checks and is not served.", f"/refresh/{name}"))
    log = room.store.judgement_log.read(name)
    disputed = sum(one.is_disputed for one in standings(log.judgements).values())
    if disputed:
        said["waits"].append((f"Reviewers disagree on {_of(disputed, 'row')}.", f"/review/{name}"))
    if log.damaged:
        said["waits"].append(
            (f"{log.damaged} lines of the review log are damaged and left out.", f"/review/{name}")
        )
    words = {word.split('"id":"', 1)[1][:64] for word in _kept_words(candidate)}
    new = [one for one in live(log.judgements) if one.id not in words]
    if new:
        said["waits"].append((f"{_of(len(new), 'decision')} for the next curate to read.", f"/review/{name}"))
    unread = set(room.store.feedback_digests(name)) - set(candidate.manifest.feedback)
    if unread:
        said["waits"].append(
            (f"{_of(len(unread), 'record')} of training for the next curate to read.", "/runs")
        )
    return said


def _of(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def _kept_words(version: Any) -> list[str]:
    return (version.fitted("review") or b"").decode().splitlines()


def me(request: Request, form: dict[str, str]) -> Response:
    """Keep who decides in this browser."""
    from urllib.parse import quote

    name = " ".join(form.get("name", "").split())[:MAX_NAME_CHARS]
    answer: RedirectResponse = back("/")
    answer.set_cookie(WHO, quote(name, safe=""), httponly=True, samesite="strict", max_age=400 * 86_400)
    return answer


ROUTES = [Route("/", shown(home)), Route("/me", decided(me), methods=["POST"])]
