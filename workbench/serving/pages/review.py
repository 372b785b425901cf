"""Review: one row after another, judged with a key; each word is on the disk before the next row is shown."""

from __future__ import annotations

import secrets
from hashlib import sha256
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tilth.shards.errors import UsageError
from tilth.shards.judgement import DECIDING, EDITING, Act, Judgement, standings
from tilth.shards.refs import utc_now
from tilth.workbench.looking.review import SAMPLE, agreement, live, precisions, rule_of
from tilth.workbench.running.review import undo_of
from tilth.workbench.serving import story
from tilth.workbench.serving.labels import labels_of
from tilth.workbench.serving.pages.rows import position
from tilth.workbench.serving.queues import SEARCH, known_queues, next_row, progress, queue_of
from tilth.workbench.serving.room import Opening, Room
from tilth.workbench.serving.web import back, decided, page, shown, waiting, who

KEYS = (
    (Act.KEEP, "k", "Keep"), (Act.DROP, "d", "Drop"), (Act.REPAIR, "e", "Edit"), (Act.RELABEL, "l", "Label"),
    (Act.SKIP, "s", "Skip"), (Act.UNDO, "u", "Undo"),
)  # fmt: skip
SHOWN_WORDS = 40


def queues(request: Request) -> Response:
    """List the queues of a name with progress, agreement, and the precision of each rule."""
    room: Room = request.app.state.room
    name = request.path_params["name"]
    version = room.newest(name)
    searcher = room.searcher(version)
    if isinstance(searcher, Opening):
        return waiting(request, searcher, version)
    read = room.store.judgement_log.read(name)
    log = read.judgements
    found = [(queue, progress(queue, log, who(request))) for queue in known_queues(room.store, searcher, log)]
    return page(
        request, "queues.html.j2", title="Review", name=name, version=version, damaged=read.damaged,
        queues=[one for one in found if not one[0].id.startswith(SAMPLE)],
        samples=[one for one in found if one[0].id.startswith(SAMPLE)],
        agreement=agreement(log), precision=precisions(log), rule_of=rule_of,
        words=list(reversed(live(log)))[:SHOWN_WORDS], total=len(live(log)),
        disputed=sum(one.is_disputed for one in standings(log).values()),
    )  # fmt: skip


def card(request: Request, row: str | None = None) -> Response:
    """Show the next row of a queue, or the one that is asked for."""
    room: Room = request.app.state.room
    name = request.path_params["name"]
    version = room.newest(name)
    searcher = room.searcher(version)
    if isinstance(searcher, Opening):
        return waiting(request, searcher, version)
    params = dict(request.query_params)
    log = room.store.judgement_log.read(name).judgements
    queue = queue_of(room.store, searcher, log, params.get("queue", ""), params)
    wanted = row or params.get("row") or next_row(queue, log, who(request))
    context: dict[str, Any] = {}
    if wanted is not None:
        index = searcher.index
        told = story.short_story(index, position(index, wanted))
        said = standings(log).get(wanted)
        context = {
            "story": told, "sides": story.beside(told) if told["witness"] else [], "text": story.full_text,
            "nonce": secrets.token_hex(8), "labels": labels_of(room, index), "keys": KEYS, "Act": Act,
            "editable": told["turns"][-1]["turn"] if told["turns"] else None,
            "words": said.words if said and queue.id == "disputed" else (), "shown_chars": story.SHOWN_CHARS,
        }  # fmt: skip
    rest = (
        {key: value for key, value in params.items() if key not in ("row", "queue")}
        if queue.id == SEARCH
        else {}
    )
    rule = rule_of(queue.id) if queue.id.startswith(SAMPLE) else ""
    return page(
        request, "card.html.j2" if request.headers.get("hx-request") else "review.html.j2",
        title=queue.title, name=name,
        version=version, queue=queue, progress=progress(queue, log, who(request)), rest=rest,
        precision=precisions(log).get(rule), rule=rule, **context,
    )  # fmt: skip


def judge(request: Request, form: dict[str, str]) -> Response:
    """Take a word about a row; it is on the disk when the next row is shown."""
    room: Room = request.app.state.room
    name = request.path_params["name"]
    if name not in room.store.names():
        raise UsageError(f"name {name[:80]}", "is not in this store", "Nothing was decided")
    by = who(request)
    if form.get("act") == Act.UNDO:
        log = room.store.judgement_log.read(name).judgements
        undone = {one.undoes for one in log}
        mine = [o for o in log if o.by == by and o.act in (*DECIDING, Act.SKIP) and o.id not in undone]
        last = next((one for one in reversed(mine) if form.get("of") in (None, "", one.id)), None)
        if last is None:
            raise UsageError(
                "undo", "you have decided nothing that could be taken back", "Nothing was changed"
            )
        room.store.judgement_log.add(name, [undo_of(last, by)])
        return _next(request, form, last.row)
    judgement = _judgement(room, name, form, by)
    room.store.judgement_log.add(name, [judgement])
    if form.get("then") == "row":
        return back(f"/row/{room.newest(name).short}/{judgement.row}")
    return _next(request, form, None)


def _judgement(room: Room, name: str, form: dict[str, str], by: str) -> Judgement:
    """Return the word that a form says, checked against the row as the candidate holds it."""
    version = room.newest(name)
    index = room.index(version)
    if isinstance(index, Opening):
        raise UsageError(
            "review", "the version is being made ready", "Nothing was decided", "Try again in a moment"
        )
    told = story.short_story(index, position(index, form.get("row", "")))
    if form.get("text") != told["text_digest"]:
        raise UsageError(
            "this row", "changed since the page was loaded", "Nothing was decided", "Look at it again"
        )
    act = _act(form.get("act", ""))
    decision = told["decision"]
    said = " ".join(str(decision[key]) for key in ("verdict", "stage", "reason") if decision[key])
    edits = _edits(told, form, act)
    if act is Act.KEEP:
        # What stands there may be what a reviewer wrote: keeping it is saying the same again.
        standing = standings(room.store.judgement_log.read(name).judgements).get(told["row_id"])
        last = standing.final if standing else None
        if last is not None and last.act in EDITING and _is_written(told, last):
            act, edits = last.act, {turn: list(pair) for turn, pair in last.edits.items()}
    return Judgement(
        at=utc_now(), by=by, act=act, row=told["row_id"], text=told["text_digest"], queue=form.get("queue", "")[:300],
        said=said, note=form.get("note", "").strip(), edits=edits,
        settles=form.get("queue") == "disputed" and act in DECIDING,
        nonce=form.get("nonce", "")[:64],
    )  # fmt: skip


def _is_written(told: dict[str, Any], word: Judgement) -> bool:
    """Return whether the texts of the row are those that a judgement put there."""
    texts = {str(turn["turn"]): turn["text"] or "" for turn in told["turns"]}
    return all(texts.get(turn) == pair[1] for turn, pair in word.edits.items())


def _edits(told: dict[str, Any], form: dict[str, str], act: Act) -> dict[str, list[str]]:
    """Return the turns whose text a form changes: each with the digest of what stood there. Raises UsageError."""
    if act not in EDITING:
        return {}
    edits = {}
    for turn in told["turns"]:
        field = "label" if act is Act.RELABEL and turn is told["turns"][-1] else f"turn-{turn['turn']}"
        if field not in form:
            continue
        # A form sends line ends as CR LF, whatever was typed.
        before, after = turn["text"] or "", form[field].replace("\r\n", "\n")
        if after != before.replace("\r\n", "\n"):
            edits[str(turn["turn"])] = [sha256(before.encode()).hexdigest(), after]
    if not edits:
        raise UsageError(
            "repair", "the text is as it was", "Nothing was decided", "Change it, or press k to keep it"
        )
    return edits


def _act(said: str) -> Act:
    if said not in set(Act) or said in (Act.UNDO,):
        raise UsageError("review", f"{said[:40]!r} is nothing that can be decided", "Nothing was decided")
    return Act(said)


def _next(request: Request, form: dict[str, str], row: str | None) -> Response:
    """Go on: with the row named, else with the next of the queue."""
    rest = {key.removeprefix("rest-"): value for key, value in form.items() if key.startswith("rest-")}
    return back(f"/review/{request.path_params['name']}/card", queue=form.get("queue", ""), row=row, **rest)


ROUTES = [
    Route("/review/{name}", shown(queues)),
    Route("/review/{name}/card", shown(card)),
    Route("/review/{name}/judge", decided(judge), methods=["POST"]),
]
