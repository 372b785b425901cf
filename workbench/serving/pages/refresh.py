"""Refresh: what was served when, and the candidate that waits for a person's yes or no."""

from __future__ import annotations

import sqlite3
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tilth.shards.errors import TilthError, UsageError
from tilth.shards.refs import CANDIDATE
from tilth.workbench.refreshing.account import account
from tilth.workbench.refreshing.approval import decide as approve
from tilth.workbench.refreshing.due import now, zone_of
from tilth.workbench.refreshing.refresh import status
from tilth.workbench.running.approval import APPROVAL, decision
from tilth.workbench.serving.room import Room
from tilth.workbench.serving.web import back, decided, page, shown, who

ROLLED_BACK = "rolled back"
MAX_REASON_CHARS, SHOWN_MOVES, SHOWN_RUNS, SHOWN_APPROVALS = 500, 60, 30, 60


def refresh(request: Request) -> Response:
    """Show the history of a name, day by day, and its candidate."""
    room: Room = request.app.state.room
    name = request.path_params["name"]
    candidate, served = room.newest(name), room.store.served(name)
    log = room.store.log(name)
    return page(
        request, "refresh.html.j2", title="Refresh", name=name, candidate=candidate, served=served,
        failed=sorted(check for check, passed in candidate.manifest.checks.items() if not passed),
        said=decision(room.store, candidate), moves=_moves(room, name), approvals=_approvals(room, log), log=log,
        parent=candidate.manifest.parent and candidate.manifest.parent[:12], **_loop(room, name),
    )  # fmt: skip


def _loop(room: Room, name: str) -> dict[str, Any]:
    """Return runs of the loop, what was served each day, and when it is due; nothing where that cannot be had."""
    told: dict[str, Any] = {"runs": [], "days": [], "due": None}
    recipe = room.recipe(name)
    if recipe is None:
        return told
    try:
        zone = zone_of(recipe.refresh.timezone)
        facts = account(room.store, name, zone, now().astimezone(zone).date(), SHOWN_RUNS)
        return {
            "runs": facts["runs"],
            "days": facts["served"][:SHOWN_MOVES],
            "due": status(recipe, room.store)["next_due"],
        }
    except (TilthError, OSError, sqlite3.Error):
        return told


def _moves(room: Room, name: str) -> list[dict[str, Any]]:
    """Return every move of what is served and of the candidate, newest first."""
    return [
        {"at": move["at"], "ref": "candidate" if move["ref"].endswith(CANDIDATE) else "served",
         "to": move["to"][:12], "from": (move.get("from") or "")[:12], "reason": move["reason"]}
        for move in reversed(room.store.refs.moves(name)[-SHOWN_MOVES:])
    ]  # fmt: skip


def _approvals(room: Room, log: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return what people decided about the versions of a name, newest first."""
    known = {entry["id"] for entry in log}
    found = [one for one in room.store.receipts(APPROVAL) if one["subject"] in known]
    newest_first = sorted(found, key=lambda one: str(one["at"]), reverse=True)
    return newest_first[:SHOWN_APPROVALS]


def decide(request: Request, form: dict[str, str]) -> Response:
    """Serve the candidate, note that it is not to be served, or go back; with a reason and the name of who said so.

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
    if what in ("approve", "reject"):
        approve(
            room.store,
            name,
            approved=what == "approve",
            by=who(request),
            reason=reason,
            version_id=candidate.id,
        )
    elif what == "rollback":
        target = room.store.rollback(name, form.get("to") or None)
        said = {"decision": ROLLED_BACK, "by": who(request), "reason": reason}
        room.store.add_receipt(APPROVAL, target.id, said)
    else:
        raise UsageError(
            "approval", "says neither yes nor no", "Nothing was changed", "Press one of the buttons"
        )
    return back(f"/refresh/{name}")


ROUTES = [
    Route("/refresh/{name}", shown(refresh)),
    Route("/refresh/{name}/decide", decided(decide), methods=["POST"]),
]
