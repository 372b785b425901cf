"""A quarter of nightly refreshes under a moved clock: `python -m benchmarks.quarter` writes docs/quarter.md.

Rows come every night. A batch is broken, a source vanishes, the machine dies twice and is off for two nights, a row is
retracted, the clocks change, rows of another kind arrive, a server does not answer. The page holds the history and what
was served on each day, as `refresh history` tells them.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from rich.console import Console

from tilth.shards import refs
from tilth.shards.errors import TilthError, Unsettled
from tilth.shards.retractions import Kind
from tilth.shards.store import Store
from tilth.workbench.recipes.recipe_file import load
from tilth.workbench.refreshing import due, refresh
from tilth.workbench.refreshing.account import account

PAGE = Path(__file__).parents[1] / "docs" / "quarter.md"
ZONE = ZoneInfo("Europe/Berlin")
FIRST, NIGHTS, ROWS = date(2026, 9, 1), 90, 15
TOWNS = ("Nerith", "Pellam", "Garnel", "Hestmar", "Corvane", "Aldermo", "Falloby", "Brinvale")
GOODS = ("lamp", "radio", "kettle", "clock", "chair", "mirror", "bicycle", "piano", "lantern", "stove")
RECIPE = """name: desk
sources: [{path: 'tickets/*.jsonl'}, {path: faq.jsonl}]
curation: {slice_by: [topic], split: null, language: null, dedup: null}
checks: {max_quarantine_rate: 0.1, max_drift_bits: 0.3, max_split_miss: null, min_effective_rate: null}
refresh: {schedule: '0 3 * * *', timezone: Europe/Berlin, retries: 1}
"""


class Killed(BaseException):
    """The process is gone, as after SIGKILL: nothing of ours may catch it."""


@dataclass
class Quarter:
    """The folder, its clock, and what went wrong on which night."""

    folder: Path
    events: dict[int, str]
    nights: int
    notes: dict[str, str] = field(default_factory=dict)
    at: datetime = field(default_factory=lambda: datetime(2026, 9, 1, tzinfo=UTC))

    @property
    def recipe(self) -> Path:
        """The recipe."""
        return self.folder / "recipe.yaml"

    def run(self) -> dict[str, Any]:
        """Live through the nights and return the account of them."""
        (self.folder / "tickets").mkdir()
        self.recipe.write_text(RECIPE)
        self.write("faq.jsonl", range(100_000, 100_060))
        self.write("tickets/before.jsonl", range(50_000, 50_300))
        with (
            patch.object(due, "now", lambda: self.at),
            patch.object(refresh, "pause", lambda seconds: None),
            patch.object(refs, "utc_now", lambda: self.at.isoformat(timespec="seconds")),
        ):
            for night in range(self.nights):
                self.live(night)
            store = Store.open(self.folder / ".tilth")
            return account(store, "desk", ZONE, self.at.astimezone(ZONE).date(), 10_000)

    def live(self, night: int) -> None:
        """Let the rows of a night come, and whatever else happens, and look at 3:05 and at half past three."""
        day = FIRST + timedelta(days=night)
        event = self.events.get(night, "")
        if event:
            self.notes[day.isoformat()] = event
        name = f"tickets/{day.isoformat()}.jsonl"
        if night % 7 != 6:  # on Sundays nobody writes
            self.write(name, range(night * ROWS, night * ROWS + ROWS))
        happens = {
            "broken batch": lambda: self.spoil(self.folder / name),
            "batch mended": lambda: self.mend(day - timedelta(days=1)),
            "source gone": lambda: (self.folder / "faq.jsonl").rename(self.folder / "away.jsonl"),
            "source back": lambda: (self.folder / "away.jsonl").rename(self.folder / "faq.jsonl"),
            "row retracted": self.retract,
            "rows of another kind": lambda: self.write(
                f"tickets/{day}-travel.jsonl", range(200_000, 200_080), "travel"
            ),
            "drift accepted": lambda: self.recipe.write_text(RECIPE.replace("max_drift_bits: 0.3, ", "")),
        }
        happens.get(event, lambda: None)()
        if event == "machine off":
            return
        local = datetime(day.year, day.month, day.day, 3, 5, tzinfo=ZONE)
        for minutes in (0, 25):
            self.at = local.astimezone(UTC) + timedelta(minutes=minutes)
            with _fault(event if not minutes else ""):
                self.look()

    def spoil(self, path: Path) -> None:
        """Append broken lines to a file."""
        path.write_text(path.read_text() + "{broken\n" * ROWS * 4)

    def mend(self, day: date) -> None:
        """Take the broken lines out of the file of a day."""
        path = self.folder / f"tickets/{day.isoformat()}.jsonl"
        path.write_text(path.read_text().replace("{broken\n", ""))

    def retract(self) -> None:
        """Retract the first row."""
        store = Store.open(self.folder / ".tilth")
        version = store.candidate("desk")
        assert version is not None
        store.retract(Kind.RETRACT, version.rows()["row_id"].head(1), chosen_by="row", reason="asked for")

    def look(self) -> None:
        """Run the loop if it is due, as a timer does."""
        store = Store.open(self.folder / ".tilth")
        try:
            refresh.refresh_once(load(self.recipe), store, Console(quiet=True), if_due=True, dry_run=False)
        except (TilthError, Killed):
            return  # the history says it

    def write(self, name: str, numbers: range, topic: str | None = None) -> None:
        """Write rows that no rule takes."""
        rows = [json.dumps(_row(n, topic)) for n in numbers]
        (self.folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")


def _row(n: int, topic: str | None) -> dict[str, Any]:
    town, good = TOWNS[n % 8], GOODS[n // 8 % 10]
    asked = (
        f"Order {n}: the {good} for {town} came on day {n * 7 % 365} with {n % 13} scratches, who mends it?"
    )
    return {
        "prompt": asked,
        "response": f"Bring number {n} to the repair desk in {town}.",
        "topic": topic or ("repairs" if n % 2 else "parcels"),
    }


@contextmanager
def _fault(event: str) -> Iterator[None]:
    """Let what happens happen to one look."""
    loop: Callable[..., Any] = refresh.run_loop

    def killed(*arguments: Any) -> Any:
        if event == "killed after the run":
            loop(*arguments)
        raise Killed

    def silent(*arguments: Any) -> Any:
        raise Unsettled("s3://tickets", "it cannot be fetched (TimeoutError)")

    does = {"killed before the run": killed, "killed after the run": killed, "server silent": silent}
    with patch.object(refresh, "run_loop", does.get(event, loop)):
        yield


EVENTS = {
    12: "killed before the run",
    19: "broken batch",
    20: "batch mended",
    29: "machine off",
    30: "machine off",
    36: "source gone",
    37: "source back",
    43: "server silent",
    47: "killed after the run",
    50: "row retracted",
    54: "clocks change",  # 2026-10-25
    71: "rows of another kind",
    73: "drift accepted",
}


def page(facts: dict[str, Any], notes: dict[str, str]) -> str:
    """Return the account as a page."""
    lines = [
        "<!-- Written by: python -m benchmarks.quarter -->",
        "# A quarter",
        "",
        "Ninety nights of a refresh at 3 o'clock in Berlin, simulated: rows come every night but every seventh,",
        "a timer looks at 3:05 and 3:30, and things go wrong. What a night came to is what `refresh history` says;",
        "what was served at the end of the day is what the log of the refs says. Training is left out.",
        "",
        "| day | what happened | started | state | served at its end | what came of it |",
        "|---|---|---|---|---|---|",
    ]
    served = {day["day"]: day for day in facts["served"]}
    by_day: dict[str, list[dict[str, Any]]] = {}
    for run in reversed(facts["runs"]):
        by_day.setdefault(run["started"][:10], []).append(run)
    for day in sorted({*served, *notes}):
        version = (served.get(day, {}).get("version") or "")[:12]
        runs = by_day.get(day) or [{"started": "", "state": "", "summary": "no run"}]
        for at, run in enumerate(runs):
            first = (day, notes.get(day, "")) if not at else ("", "")
            cells = (
                *first,
                run["started"][11:],
                run["state"],
                version if at == len(runs) - 1 else "",
                run["summary"],
            )
            lines.append("| " + " | ".join(str(cell).replace("|", "\\|") for cell in cells) + " |")
    states: dict[str, int] = {}
    for run in facts["runs"]:
        states[run["state"]] = states.get(run["state"], 0) + 1
    told = ", ".join(f"{count} {state}" for state, count in sorted(states.items()))
    versions = len({day["version"] for day in facts["served"] if day["version"]})
    lines += ["", f"{len(facts['runs'])} runs: {told}. {versions} versions were served.", ""]
    return "\n".join(lines)


def main() -> None:
    """Simulate the quarter and write its page."""
    with tempfile.TemporaryDirectory() as folder:
        quarter = Quarter(Path(folder), EVENTS, NIGHTS)
        facts = quarter.run()
    PAGE.write_text(page(facts, quarter.notes), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")


if __name__ == "__main__":
    main()
