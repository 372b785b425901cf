"""Rows: search, filter, sort and count what a version holds; and one row's whole story."""

from __future__ import annotations

import re
from typing import Any

import polars as pl
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from tilth.shards.errors import UsageError
from tilth.validators.wording import visible
from tilth.workbench.looking.review import precisions
from tilth.workbench.running.review import as_csv
from tilth.workbench.serving import story
from tilth.workbench.serving.as_read import as_read
from tilth.workbench.serving.bounds import bounds_of
from tilth.workbench.serving.room import Opening, Room
from tilth.workbench.serving.search.index import Index
from tilth.workbench.serving.search.query import HOWS, PAGE_ROWS, SORTS, Query, read_query
from tilth.workbench.serving.web import link, page, shown, waiting

SNIPPET_CHARS, BEFORE_CHARS = 260, 60
MAX_CSV_ROWS = 10_000
_ROW = re.compile(r"[0-9a-f]{32}")


def rows(request: Request) -> Response:
    """Show a page of the lines that answer a search, with facets."""
    room: Room = request.app.state.room
    version = room.version(request.path_params["key"])
    searcher = room.searcher(version)
    if isinstance(searcher, Opening):
        return waiting(request, searcher, version)
    query = read_query(request.query_params)
    found = searcher.search(query)
    if request.query_params.get("as") == "csv":
        return _as_csv(searcher.index, searcher, query)
    return page(
        request, "rows.html.j2", title="Rows", version=version, query=query, found=found, hows=HOWS,
        lines=[_line(searcher.index, at, query) for at in found.at], sorts=(*SORTS, *searcher.index.measure_names),
        here=f"/rows/{version.short}", first=(min(query.page, found.pages) - 1) * PAGE_ROWS,
        precision=precisions(room.store.judgement_log.read(version.manifest.name).judgements),
    )  # fmt: skip


def _line(index: Index, at: int, query: Query) -> dict[str, Any]:
    line = index.lines.row(at, named=True)
    pos = line["pos"]
    text = "" if pos is None else index.texts[pos]
    shown_by = None
    if query.sort not in SORTS and pos is not None:
        shown_by = index.measure(query.sort)[pos]
    return line | {
        "row_id": None if pos is None else index.ids[pos].hex(),
        "snippet": snippet(text, query),
        "shown_by": shown_by,
        "tags": [] if pos is None else index.tags.filter(pl.col("pos") == pos)["tag"].to_list()[:4],
    }


def snippet(text: str, query: Query) -> Markup:
    """Return a piece of a text, around what was searched for, which is marked."""
    pattern = None
    if query.text and query.how != "regex":
        words = [query.text] if query.how == "literal" else query.text.split()
        flags = 0 if query.text != query.text.lower() else re.IGNORECASE
        pattern = re.compile("|".join(map(re.escape, words)), flags) if words else None
    hit = pattern.search(text) if pattern else None
    start = max(0, hit.start() - BEFORE_CHARS) if hit and hit.start() > SNIPPET_CHARS - BEFORE_CHARS else 0
    piece = " ".join(visible(text[start : start + SNIPPET_CHARS]).split())
    piece = ("… " if start else "") + piece + (" …" if len(text) > start + SNIPPET_CHARS else "")
    if not pattern:
        return escape(piece)
    parts, end = [], 0
    for one in pattern.finditer(piece):
        if one.end() > one.start():
            parts += [escape(piece[end : one.start()]), Markup("<mark>{}</mark>").format(one[0])]
            end = one.end()
    return Markup("").join([*parts, escape(piece[end:])])


def _as_csv(index: Index, searcher: Any, query: Query) -> Response:
    """Return the lines of a search as CSV, at most MAX_CSV_ROWS, safe to open in a spreadsheet."""
    at, _ = searcher.answering(query)
    some = index.lines if at is None else index.lines[at]
    lines = [
        {"row": "" if line["pos"] is None else index.ids[line["pos"]].hex(),
         **{k: v for k, v in line.items() if k != "pos"},
         "text": "" if line["pos"] is None else index.texts[line["pos"]]}
        for line in some.head(MAX_CSV_ROWS).iter_rows(named=True)
    ]  # fmt: skip
    headers = {"content-disposition": 'attachment; filename="rows.csv"'}
    return PlainTextResponse(as_csv(lines), media_type="text/csv; charset=utf-8", headers=headers)


def row(request: Request) -> Response:
    """Show a row's whole story."""
    room: Room = request.app.state.room
    version = room.version(request.path_params["key"])
    index = room.index(version)
    if isinstance(index, Opening):
        return waiting(request, index, version)
    pos = position(index, request.path_params["row"])
    told = story.whole_story(room.store, index, pos)
    sides = story.beside(told) if told["witness"] else []
    return page(
        request, "row.html.j2", title=f"Row {told['row_id'][:12]}", version=version, story=told, sides=sides,
        bounds=bounds_of(room, version), shown_chars=story.SHOWN_CHARS, text=story.full_text,
        neighbours=neighbours(index, pos, told),
    )  # fmt: skip


def position(index: Index, row: str) -> int:
    """Return where a row stands. Raises UsageError for a row that the version does not hold."""
    pos = index.pos_of(bytes.fromhex(row)) if _ROW.fullmatch(row) else None
    if pos is None:
        raise UsageError(
            f"row {row[:40]!r}", "is not in this version", "Nothing was decided", "Search for it"
        )
    return pos


def neighbours(index: Index, pos: int, told: dict[str, Any]) -> dict[str, Any]:
    """Return where rows like this one are found: of the same witness, place, slice and rule."""
    decision = told["decision"]
    rule = f"{decision['stage']}: {decision['reason']}" if decision["stage"] else ""
    here = f"/rows/{index.version.short}"
    return {
        f"of the slice {decision['slice']}" if decision["slice"] else "": link(here, slice=decision["slice"]),
        f"taken by {rule}" if rule else "": link(here, rule=rule),
        f"from {told['row']['source']}": link(here, source=told["row"]["source"]),
        **{f"tagged {tag}": link(here, tag=tag) for tag in told["tags"]},
    }


def text(request: Request) -> Response:
    """Return a turn whole, as plain text."""
    room: Room = request.app.state.room
    version = room.version(request.path_params["key"])
    index = room.index(version)
    if isinstance(index, Opening):
        return waiting(request, index, version)
    told = story.short_story(index, position(index, request.path_params["row"]))
    turn = request.path_params["turn"]
    whole = [one for one in told["turns"] if one["turn"] == turn]
    if not whole:
        raise UsageError(f"turn {turn}", "is not in this row", "", "Look at the row")
    return PlainTextResponse(visible(story.full_text(whole[0])))


def reread(request: Request) -> Response:
    """Show the text as the source holds it beside the text as it was rewritten."""
    room: Room = request.app.state.room
    version = room.version(request.path_params["key"])
    index = room.index(version)
    if isinstance(index, Opening):
        return waiting(request, index, version)
    told = story.short_story(index, position(index, request.path_params["row"]))
    before, why = as_read(room, version, told)
    sides = [
        {"role": b["role"], "left": a, "right": c}
        for b in told["turns"]
        for one in [next((t for t in before if t["turn"] == b["turn"]), None)]
        for a, c in [story.marked(story.full_text(one) if one else "", story.full_text(b))]
    ]
    gone = [one for one in before if one["turn"] not in {turn["turn"] for turn in told["turns"]}]
    return page(
        request,
        "reread.html.j2",
        title="Text as read",
        sides=sides,
        why=why,
        gone=gone,
        story=told,
        version=version,
    )


ROUTES = [
    Route("/rows/{key}", shown(rows)),
    Route("/row/{key}/{row}", shown(row)),
    Route("/row/{key}/{row}/as-read", shown(reread)),
    Route("/row/{key}/{row}/{turn:int}", shown(text)),
]
