"""refresh.db: every run of the loop, what its sources were, whom it told; SQLite in WAL mode, beside the store's refs.

What was served when is not kept here: the log of the refs says it, whoever moved them.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = "refresh.db"
WAIT_S = 5.0
RUNNING, KILLED, FAILED, DONE, NO_NEWS = "running", "killed", "failed", "done", "no news"
CHECKS_FAILED, AWAITING, NO_DRIFT = "checks failed", "awaiting approval", "no drift"
_TABLES = """
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL, started REAL NOT NULL, ended REAL, state TEXT NOT NULL,
    summary TEXT NOT NULL DEFAULT '', version TEXT, missed INTEGER NOT NULL DEFAULT 0,
    attempt INTEGER NOT NULL DEFAULT 1, transient INTEGER NOT NULL DEFAULT 0, inputs TEXT NOT NULL DEFAULT '');
CREATE TABLE IF NOT EXISTS sources (run INTEGER NOT NULL, source TEXT NOT NULL, files INTEGER, bytes INTEGER,
    PRIMARY KEY (run, source));
CREATE TABLE IF NOT EXISTS told (run INTEGER NOT NULL, event TEXT NOT NULL, host TEXT NOT NULL, outcome TEXT NOT NULL,
    at REAL NOT NULL);
CREATE TABLE IF NOT EXISTS plans (recipe TEXT PRIMARY KEY, plan TEXT NOT NULL);
"""


@dataclass(frozen=True)
class Run:
    """One run. Times are seconds since 1970 in UTC. missed: moments of the schedule that it stands for beside its own.

    attempt: from 1, counted since the last run that did not fail. transient: whether its failure may pass by itself.
    inputs: the digest of the sources as they were.
    """

    id: int
    name: str
    started: float
    ended: float | None
    state: str
    summary: str
    version: str | None
    missed: int
    attempt: int
    transient: bool
    inputs: str

    @property
    def failed(self) -> bool:
        """Whether it did not come to its end, or to one that nobody wanted."""
        return self.state in (FAILED, KILLED, CHECKS_FAILED)


class History:
    """The history of a store's refreshes. Raises sqlite3.Error, which callers that must not fail let pass."""

    def __init__(self, root: Path) -> None:
        self.path = root / FILE

    def begin(
        self, name: str, now: float, *, missed: int, attempt: int, inputs: str, sources: dict[str, list[int]]
    ) -> int:
        """Note that a run begins; `sources` gives files and bytes of each. Returns its number."""
        with self._open() as db:
            row = db.execute(
                "INSERT INTO runs (name, started, state, missed, attempt, inputs) VALUES (?,?,?,?,?,?) RETURNING id",
                (name, now, RUNNING, missed, attempt, inputs),
            ).fetchone()
            db.executemany(
                "INSERT INTO sources VALUES (?,?,?,?)", [(row[0], s, f, b) for s, (f, b) in sources.items()]
            )
            return int(row[0])

    def end(
        self,
        run: int,
        now: float,
        state: str,
        summary: str,
        *,
        version: str | None = None,
        transient: bool = False,
    ) -> None:
        """Note how a run ended."""
        with self._open() as db:
            db.execute(
                "UPDATE runs SET ended=?, state=?, summary=?, version=?, transient=? WHERE id=?",
                (now, state, summary, version, int(transient), run),
            )

    def bury(self, name: str, now: float) -> int:
        """Note that runs which never ended were killed; the caller holds the lock of the refresh. Returns how many."""
        with self._open() as db:
            return db.execute(
                "UPDATE runs SET ended=?, state=?, summary='it was killed', transient=1 WHERE name=? AND state=?",
                (now, KILLED, name, RUNNING),
            ).rowcount

    def runs(self, name: str, limit: int = 1_000_000) -> list[Run]:
        """Return the runs of a name, newest first."""
        if not self.path.is_file():
            return []
        with self._open() as db:
            found = db.execute(
                "SELECT id, name, started, ended, state, summary, version, missed, attempt, transient, inputs "
                "FROM runs WHERE name=? ORDER BY id DESC LIMIT ?",
                (name, limit),
            )
            names = [column[0] for column in found.description]
            runs = [dict(zip(names, row, strict=True)) for row in found]
            return [Run(**{**run, "transient": bool(run["transient"])}) for run in runs]

    def tell(self, run: int, event: str, host: str, outcome: str, now: float) -> None:
        """Note whom an event was told and what came of it."""
        with self._open() as db:
            db.execute("INSERT INTO told VALUES (?,?,?,?,?)", (run, event, host, outcome, now))

    def told(self, run: int) -> list[dict[str, Any]]:
        """Return whom the events of a run were told: event, host, outcome."""
        with self._open() as db:
            found = db.execute("SELECT event, host, outcome FROM told WHERE run=? ORDER BY at", (run,))
            return [dict(zip(("event", "host", "outcome"), row)) for row in found]

    def sources(self, run: int) -> dict[str, tuple[int, int]]:
        """Return files and bytes of each source as a run found them."""
        with self._open() as db:
            found = db.execute("SELECT source, files, bytes FROM sources WHERE run=?", (run,))
            return {source: (files, size) for source, files, size in found}

    def keep_plan(self, recipe: str, plan: dict[str, Any]) -> None:
        """Keep what decides whether a recipe is due, so that the next look need not read the recipe."""
        with self._open() as db:
            db.execute(
                "INSERT OR REPLACE INTO plans VALUES (?,?)", (recipe, json.dumps(plan, sort_keys=True))
            )

    def plan(self, recipe: str) -> dict[str, Any] | None:
        """Return what `keep_plan` kept, or None."""
        if not self.path.is_file():
            return None
        with self._open() as db:
            row = db.execute("SELECT plan FROM plans WHERE recipe=?", (recipe,)).fetchone()
        found = json.loads(row[0]) if row else None
        return found if isinstance(found, dict) else None

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self.path, timeout=WAIT_S)) as db:
            db.execute("PRAGMA journal_mode=WAL")
            db.execute("PRAGMA synchronous=NORMAL")
            db.executescript(_TABLES)
            with db:
                yield db
