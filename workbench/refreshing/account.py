"""refresh history: the runs of a name, and which version was served on each day."""

from __future__ import annotations

from datetime import date, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

from tilth.shards.version import SHORT_HEX
from tilth.workbench.refreshing.history import History
from tilth.workbench.screen import shown
from tilth.workbench.session import plain_table

if TYPE_CHECKING:
    from rich.console import Console

    from tilth.shards.store import Store


def account(store: Store, name: str, zone: tzinfo, today: date, limit: int) -> dict[str, Any]:
    """Return runs (newest first, at most `limit`) and served (each day, newest first, as far as these runs go back).

    A run: id, started, seconds, state, summary, version, missed, attempt, sources, told. A day: day, version (at its
    end, or null), moves (how often what is served changed on it).
    """
    kept = History(store.root)
    runs = kept.runs(name, limit)
    told = [
        {
            "id": run.id,
            "started": datetime.fromtimestamp(run.started, zone).isoformat(timespec="seconds"),
            "seconds": None if run.ended is None else round(run.ended - run.started, 3),
            "state": run.state,
            "summary": run.summary,
            "version": run.version,
            "missed": run.missed,
            "attempt": run.attempt,
            "sources": {source: list(found) for source, found in kept.sources(run.id).items()},
            "told": kept.told(run.id),
        }
        for run in runs
    ]
    first = datetime.fromtimestamp(runs[-1].started, zone).date() if runs else today
    return {"name": name, "runs": told, "served": served_days(store, name, zone, first, today)}


def served_days(store: Store, name: str, zone: tzinfo, first: date, last: date) -> list[dict[str, Any]]:
    """Return what was served at the end of each day, whoever moved it, newest first."""
    moves = [
        (datetime.fromisoformat(move["at"]).astimezone(zone).date(), move["to"])
        for move in store.refs.moves(name)
        if move["ref"] == name
    ]
    days = []
    for offset in range((last - first).days + 1):
        day = first + timedelta(days=offset)
        until = [version for moved, version in moves if moved <= day]
        today = sum(moved == day for moved, _ in moves)
        days.append({"day": day.isoformat(), "version": until[-1] if until else None, "moves": today})
    return days[::-1]


def show(screen: Console, facts: dict[str, Any]) -> None:
    """Print the runs, then the days on which what is served changed."""
    table = plain_table("run", "started", "took", "state", "try", "version", "what came of it")
    for run in facts["runs"]:
        seconds = "" if run["seconds"] is None else f"{run['seconds']:,.0f} s"
        cells = (run["id"], run["started"], seconds, run["state"], run["attempt"],
                 (run["version"] or "")[:SHORT_HEX], run["summary"])  # fmt: skip
        table.add_row(*(shown(str(cell)) for cell in cells))
    screen.print(table)
    for day in facts["served"]:
        if day["moves"]:
            screen.print(f"{day['day']}  served {(day['version'] or 'nothing')[:SHORT_HEX]} from then on")
