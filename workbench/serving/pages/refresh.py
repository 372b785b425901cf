"""Refresh: what was served when, and the candidate that waits for a person's yes or no."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tilth.shards.errors import UsageError
from tilth.shards.refs import CANDIDATE
from tilth.workbench.running.promote import promote_version
from tilth.workbench.running.refresh import RECEIPT, status
from tilth.workbench.serving.room import Room
from tilth.workbench.serving.web import back, decided, page, shown, who

APPROVAL = "approval"
MAX_REASON_CHARS, SHOWN_MOVES, SHOWN_RUNS = 500, 60, 30


def refresh(request: Request) -> Response:
    """Show the history of a name, day by day, and its candidate."""
    room: Room = request.app.state.room
    name = request.path_params["name"]
    candidate = room.newest(name)
    served = room.store.served(name)
    recipe = room.recipe(name)
    approvals = [
        {**one, "version": one["subject"][:12]}
        for one in room.store.receipts(APPROVAL)
        if one.get("name") == name
    ]
    return page(
        request, "refresh.html.j2", title="Refresh", name=name, candidate=candidate, served=served,
        failed=sorted(check for check, passed in candidate.manifest.checks.items() if not passed),
        days=_days(room, name), receipts=room.store.receipts(RECEIPT, name)[-SHOWN_RUNS:][::-1],
        due=status(recipe, room.store)["next_due"] if recipe else None,
        approvals=approvals[::-1], log=room.store.log(name),
        parent=candidate.manifest.parent and candidate.manifest.parent[:12],
    )  # fmt: skip


def _days(room: Room, name: str) -> list[dict[str, Any]]:
    """Return every move of what is served and of the candidate, newest first."""
    moves = room.store.refs.moves(name)[-SHOWN_MOVES:]
    return [
        {"at": move["at"], "ref": "candidate" if move["ref"].endswith(CANDIDATE) else "served",
         "to": move["to"][:12], "from": (move.get("from") or "")[:12], "reason": move["reason"]}
        for move in reversed(moves)
    ]  # fmt: skip


def decide(request: Request, form: dict[str, str]) -> Response:
    """Serve the candidate, go back to its parent or to another version; with the reason and the name of who said so.

    The page names the candidate that was looked at: one that came since is not approved unseen.
    """
    room: Room = request.app.state.room
    name, what = request.path_params["name"], form.get("what", "")
    reason = form.get("reason", "").strip()
    candidate = room.newest(name)
    if not reason or len(reason) > MAX_REASON_CHARS:
        raise UsageError(
            "approval",
            "says no reason",
            "Nothing was changed",
            f"Say why, in up to {MAX_REASON_CHARS} characters",
        )
    if form.get("candidate") != candidate.id:
        raise UsageError(
            "approval",
            "another candidate came since the page was loaded",
            "Nothing was changed",
            "Look at it first",
        )
    if what == "promote":
        promote_version(room.store, name)
        subject = candidate.id
    elif what == "rollback":
        subject = room.store.rollback(name, form.get("to") or None).id
    else:
        raise UsageError("approval", "says neither promote nor rollback", "Nothing was changed")
    room.store.add_receipt(
        APPROVAL, subject, {"name": name, "what": what, "by": who(request), "reason": reason}
    )
    return back(f"/refresh/{name}")


ROUTES = [
    Route("/refresh/{name}", shown(refresh)),
    Route("/refresh/{name}/decide", decided(decide), methods=["POST"]),
]
