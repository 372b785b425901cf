"""Runs: their curves while they go and after, side by side, and a blind vote on their answers."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tilth.shards.errors import TilthError, UsageError
from tilth.shards.feedback import Finding
from tilth.validators import charts, wording
from tilth.workbench.looking.compare import add_vote, different_pairs, pair_key, read_votes, results, sides_of
from tilth.workbench.looking.runs import list_runs
from tilth.workbench.serving.room import Room
from tilth.workbench.serving.web import back, decided, page, shown

JOURNAL, DONE = "metrics.jsonl", "report.json"
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
MAX_SIDE, MAX_VOTES, LOOK_S, MAX_WATCH_S = 3, 200, 1.0, 3_600
SHOWN_NOISY, SHOWN_STEPS = 60, 2_000


def runs(request: Request) -> Response:
    """List the runs, those that go now first, and put up to three side by side."""
    room: Room = request.app.state.room
    try:
        ended = list_runs(room.store)
    except (OSError, ValueError, KeyError):
        ended = []
    known = {run["run_id"] for run in ended}
    folder = room.store.root / "runs"
    going = sorted(
        path.parent.name for path in folder.glob(f"*/{JOURNAL}") if not (path.parent / DONE).exists()
    )
    chosen = [one for one in request.query_params.getlist("run") if _ID.fullmatch(one)][:MAX_SIDE]
    drawn = [(one, journal(folder / one)) for one in chosen if (folder / one / JOURNAL).is_file()]
    return page(
        request, "runs.html.j2", title="Runs", runs=ended, going=going, chosen=chosen,
        charts=_side_by_side(drawn), lines=[run for run in ended if run["run_id"] in chosen], known=known,
    )  # fmt: skip


def _side_by_side(drawn: list[tuple[str, dict[str, Any]]]) -> list[charts.Chart]:
    """Draw the held-out loss of runs over their steps, in one chart."""
    if not drawn:
        return []
    steps = sorted({step for _, told in drawn for step, _ in told["held_out"]})
    series = {name: [dict(told["held_out"]).get(step) for step in steps] for name, told in drawn}
    return [charts.lines("Loss on held-out rows, nat/token", "step", steps, series, wording.decimal)]


def run(request: Request) -> Response:
    """Show a run: curves, what it cost against its plan, what it forgot, and the rows it found noisy."""
    room: Room = request.app.state.room
    folder = _folder(room, request.path_params["run"])
    facts: dict[str, Any] = {}
    with suppress(OSError, ValueError):
        facts = json.loads((folder / DONE).read_bytes())
    name = facts.get("name") or ""
    return page(
        request, "run_live.html.j2", title=f"Run {folder.name}", run=folder.name, facts=facts, going=not facts,
        name=name, noisy=_noisy(room, name, folder.name) if name in room.store.names() else [],
        made_from=facts.get("version", ""),
        votes=_votes(folder), **_drawn(folder),
    )  # fmt: skip


def curves(request: Request) -> Response:
    """Return the curves alone, for a page that looks on."""
    room: Room = request.app.state.room
    return page(request, "curves.html.j2", title="", **_drawn(_folder(room, request.path_params["run"])))


def _drawn(folder: Path) -> dict[str, Any]:
    told = journal(folder)
    steps = told["steps"][:: max(1, len(told["steps"]) // SHOWN_STEPS)]
    drawn = []
    if steps:
        drawn.append(charts.lines("Loss while training, nat/token", "step", [s for s, _ in steps],
                                  {"loss": [loss for _, loss in steps]}, wording.decimal))  # fmt: skip
    if told["held_out"]:
        at = [step for step, _ in told["held_out"]]
        series = {"held out": [loss for _, loss in told["held_out"]]}
        if any(loss is not None for _, loss in told["base"]):
            series["what the base knew"] = [loss for _, loss in told["base"]]
        drawn.append(
            charts.lines("Loss on rows it does not learn, nat/token", "step", at, series, wording.decimal)
        )
    for name, points in list(told["slices"].items())[:6]:
        series = {kind: [p.get(kind) for _, p in points] for kind in ("probe", "twin", "feedback")}
        drawn.append(charts.lines(f"Slice {name}", "step", [s for s, _ in points], series, wording.decimal))
    return {"charts": drawn, "last": told["last"], "findings": told["findings"]}


def journal(folder: Path) -> dict[str, Any]:
    """Return what the journal of a run says so far: steps, held_out and base losses, slices, findings, last line.

    The end of a line that is being written is left for the next look.
    """
    told: dict[str, Any] = {"steps": [], "held_out": [], "base": [], "slices": {}, "findings": [], "last": {}}
    try:
        data = (folder / JOURNAL).read_bytes()
    except OSError:
        return told
    for line in data[: data.rfind(b"\n") + 1].splitlines():
        try:
            said = json.loads(line)
        except ValueError:
            continue
        kind, step = said.get("kind"), said.get("step")
        if kind == "step":
            told["steps"].append((step, said.get("loss")))
            told["last"] = said
        elif kind == "evaluation":
            told["held_out"].append((step, said.get("loss")))
            told["base"].append((step, said.get("base_knowledge")))
            for name, losses in (said.get("slices") or {}).items():
                told["slices"].setdefault(name, []).append((step, losses))
        elif kind == "monitor" and said.get("finding") not in (None, "none", "inconclusive"):
            told["findings"].append(said)
    return told


async def events(request: Request) -> Response:
    """Tell, as server-sent events, whenever the journal of a run has grown, and when the run is done."""
    room: Room = request.app.state.room
    try:
        folder = _folder(room, request.path_params["run"])
    except TilthError as error:
        return Response(error.what, status_code=404)

    async def told() -> AsyncIterator[str]:
        size = -1
        for _ in range(int(MAX_WATCH_S / LOOK_S)):
            now = (folder / JOURNAL).stat().st_size if (folder / JOURNAL).is_file() else 0
            if now != size:
                size = now
                yield f"event: grown\ndata: {size}\n\n"
            if (folder / DONE).is_file():
                yield "event: done\ndata: 1\n\n"
                return
            if await request.is_disconnected():
                return
            await asyncio.sleep(LOOK_S)

    return StreamingResponse(told(), media_type="text/event-stream")


def _folder(room: Room, run_id: str) -> Path:
    """Return the folder of a run. Raises UsageError where there is none of that name."""
    folder = room.store.root / "runs" / run_id
    if not _ID.fullmatch(run_id) or not folder.is_dir():
        raise UsageError(f"run {run_id[:40]!r}", "is not in this store", "", "See the list of runs")
    return folder


def _noisy(room: Room, name: str, run_id: str) -> list[dict[str, Any]]:
    """Return the rows that a run found noisy, the surest first."""
    import polars as pl

    for digest in reversed(room.store.feedback_digests(name)):
        header, rows, _ = room.store.feedback(digest)
        if header.run_id == run_id:
            found = rows.filter(pl.col("finding").cast(pl.String) == Finding.NOISY.value)
            some = found.sort("est_precision", "row_id", descending=[True, False]).head(SHOWN_NOISY)
            return some.with_columns(pl.col(pl.Binary).bin.encode("hex")).to_dicts()
    return []


def _votes(folder: Path) -> dict[str, Any] | None:
    try:
        return results(folder, MAX_VOTES)
    except (TilthError, OSError, ValueError, KeyError):
        return None


def ballot(request: Request) -> Response:
    """Show the next prompt with both answers, without saying whose they are."""
    room: Room = request.app.state.room
    folder = _folder(room, request.path_params["run"])
    pairs, _ = different_pairs(folder, MAX_VOTES)
    votes = read_votes(folder)
    left = [pair for pair in pairs if pair_key(pair) not in votes]
    pair = left[0] if left else None
    answers = [pair[side] for side in sides_of(pair, folder.name)] if pair else []
    return page(
        request, "ballot.html.j2", title="Blind vote", run=folder.name, pair=pair, answers=answers,
        votes=_votes(folder),
        key=pair_key(pair) if pair else "", done=len(pairs) - len(left), of=len(pairs),
    )  # fmt: skip


def vote(request: Request, form: dict[str, str]) -> Response:
    """Keep a vote and show the next prompt."""
    room: Room = request.app.state.room
    folder = _folder(room, request.path_params["run"])
    pair = next(
        (one for one in different_pairs(folder, MAX_VOTES)[0] if pair_key(one) == form.get("key")), None
    )
    choice = form.get("choice")
    if pair is None or choice not in ("1", "2", "tie"):
        raise UsageError(
            "vote", "names no prompt or no answer of this run", "Nothing was counted", "Load the page again"
        )
    add_vote(
        folder, pair_key(pair), "tie" if choice == "tie" else sides_of(pair, folder.name)[int(choice) - 1]
    )
    return back(f"/run/{folder.name}/vote")


ROUTES = [
    Route("/runs", shown(runs)),
    Route("/run/{run}", shown(run)),
    Route("/run/{run}/curves", shown(curves)),
    Route("/run/{run}/events", events),
    Route("/run/{run}/vote", shown(ballot)),
    Route("/run/{run}/vote", decided(vote), methods=["POST"]),
]
