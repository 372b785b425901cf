"""One refresh: due or not, under a lock, tried again where a fault may pass, told, noted, idempotent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tilth.shards.errors import ChecksFailed, TilthError, UsageError
from tilth.shards.lock import Lock
from tilth.validators.against import belongs
from tilth.workbench.refreshing import due, history, notify, textfile
from tilth.workbench.refreshing.drift import new_rows_drift
from tilth.workbench.refreshing.due import Due, Plan, fingerprint, judge, recipe_bytes_digest, zone_of
from tilth.workbench.refreshing.history import History
from tilth.workbench.running.loop import pending, run_loop
from tilth.workbench.running.train import what_changed

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console

    from tilth.shards.store import Store
    from tilth.workbench.recipes.sections import Recipe

LOCK = "refresh.lock"
FIRST_PAUSE_S, PAUSE_FACTOR = 1.0, 4.0
EVENTS = {history.CHECKS_FAILED: "gate", history.AWAITING: "approval", history.FAILED: "failure"}
pause = time.sleep


def refresh_once(
    recipe: Recipe,
    store: Store,
    screen: Console,
    *,
    if_due: bool,
    dry_run: bool,
    overrides: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Do the loop once, or say why not. Raises Busy if another refresh of this store is running.

    Returns state ("not due", "would run", "no news", "no drift", "checks failed", "awaiting approval", "done") and a
    summary. Raises ChecksFailed where a source is gone; the history says of every run what came of it.
    """
    with Lock(store.root / LOCK).held(0):
        kept, at = History(store.root), due.now()
        plan = plan_of(recipe, overrides)
        inputs, found = fingerprint(plan)
        kept.bury(recipe.name, at.timestamp())
        last = next(iter(kept.runs(recipe.name, 1)), None)
        asked = _judged(recipe, plan, last, at, inputs)
        kept.keep_plan(str(recipe.path.absolute()), due.as_kept(plan))
        if if_due and not asked.is_due:
            return _facts("not due", f"{asked.why}: not before {_said(asked.at)}")
        if dry_run:
            return _facts("would run", _plan(recipe, store))
        attempt = asked.attempt if last and last.failed else 1
        run = kept.begin(
            recipe.name, at.timestamp(), missed=asked.missed, attempt=attempt, inputs=inputs, sources=found
        )
        return _Refresh(recipe, store, screen, kept, run).do(asked)


def plan_of(recipe: Recipe, overrides: tuple[str, ...] = ()) -> Plan:
    """Return what of a recipe decides when it runs."""
    refresh = recipe.refresh
    return Plan(
        recipe_bytes_digest(recipe.path, overrides),
        recipe.name,
        refresh.schedule,
        refresh.timezone,
        tuple(source.path for source in recipe.sources),
        str(recipe.base_dir.absolute()),
    )


class _Refresh:
    """One run, from its first word to its last."""

    def __init__(self, recipe: Recipe, store: Store, screen: Console, kept: History, run: int) -> None:
        self.recipe, self.store, self.screen, self.history, self.run = recipe, store, screen, kept, run
        self.teller = notify.Teller(recipe.refresh.notify, kept, run)

    def do(self, asked: Due) -> dict[str, Any]:
        """Run the loop, note what came of it, and tell who wants to know."""
        for name in notify.missing_secrets(self.recipe.refresh.notify):
            self.screen.print(
                f"note: the environment has no {name}: what is sent is not signed", markup=False
            )
        before = self.store.refs.read(self.recipe.name)
        self.teller.tell("start", self._told("running", asked.why))
        try:
            outcome = self._tried()
        except TilthError as error:
            failed = _facts(
                history.CHECKS_FAILED if isinstance(error, ChecksFailed) else history.FAILED, error.message()
            )
            self._ended(failed, before, transient=error.is_transient)
            raise
        except KeyboardInterrupt:
            self._ended(_facts(history.KILLED, "it was interrupted"), before, transient=True)
            raise
        except Exception as error:
            self._ended(_facts(history.FAILED, f"it raised {type(error).__name__}"), before, transient=True)
            raise
        if asked.missed:
            outcome["summary"] += f" ({asked.missed} missed moments of the schedule done with it)"
        self._ended(outcome, before)
        return outcome

    def _tried(self) -> dict[str, Any]:
        """Run the loop, again where a fault may pass. Raises what it raised last."""
        left, wait = self.recipe.refresh.retries, FIRST_PAUSE_S
        while True:
            try:
                require_sources(self.recipe, self.store)
                calm = self._calm()
                if calm is not None:
                    return calm
                return run_loop(self.recipe, self.store, self.screen)
            except TilthError as error:
                if not error.is_transient or not left:
                    raise
                self.screen.print(f"{error.message()} Tried again in {wait:.0f} s", markup=False)
            pause(wait)
            left, wait = left - 1, wait * PAUSE_FACTOR

    def _calm(self) -> dict[str, Any] | None:
        """Return what came of a run that waits for drift where there is none, else None."""
        if self.recipe.refresh.when != "drift":
            return None
        found = new_rows_drift(self.recipe, self.store)
        if found is None or found[0] > self.recipe.refresh.drift_bits:
            return None
        bits, rows = found
        told = f"{rows:,} new rows are {bits:.3f} bits from those served; {self.recipe.refresh.drift_bits} make a run"
        return _facts(history.NO_DRIFT, told)

    def _ended(self, outcome: dict[str, Any], before: str | None, *, transient: bool = False) -> None:
        state, version = outcome["state"], outcome.get("version")
        self.history.end(
            self.run, due.now().timestamp(), state, outcome["summary"], version=version, transient=transient
        )
        facts = self._told(state, outcome["summary"], version)
        if self.store.refs.read(self.recipe.name) != before:
            self.teller.tell("promotion", facts)
        self.teller.tell(EVENTS.get(state, "failure" if state == history.KILLED else notify.SUCCESS), facts)
        self._write_textfile()
        self.teller.close()

    def _told(self, state: str, summary: str, version: str | None = None) -> dict[str, Any]:
        served = self.store.refs.read(self.recipe.name)
        return {
            "name": self.recipe.name,
            "state": state,
            "summary": summary,
            "version": version,
            "served": served,
        }

    def _write_textfile(self) -> None:
        if self.recipe.refresh.textfile is None:
            return
        path = self.recipe.base_dir / self.recipe.refresh.textfile
        name, store = self.recipe.name, self.store
        runs = self.history.runs(name)
        try:
            textfile.write(path, name, runs, store.candidate(name), store.served(name))
        except TilthError as error:
            self.screen.print(f"note: {error.message()}", markup=False)


def require_sources(recipe: Recipe, store: Store) -> None:
    """Raise ChecksFailed where a source that what is served was made from is gone."""
    served = store.served(recipe.name) or store.candidate(recipe.name)
    if served is None:
        return
    _, found = fingerprint(plan_of(recipe))
    gone = [path for path, (files, _) in found.items() if "://" not in path and not files]
    if not gone:
        return
    paths = served.occurrences(["source_path"])["source_path"].value_counts()
    for source in gone:
        lines = sum(count for path, count in paths.iter_rows() if belongs(path, source))
        if lines:
            raise ChecksFailed(
                f"{recipe.path.name}: {source}",
                f"no file is there, and {served.short} has {lines:,} lines of it",
                "Nothing was curated, and what is served stays served",
                "Bring the files back, or take the source out of the recipe",
            )


def status(recipe: Recipe, store: Store) -> dict[str, Any]:
    """Return when the loop last ran and what came of it, when it is due, and what the refs are."""
    runs = History(store.root).runs(recipe.name, 1)
    last = runs[0] if runs else None
    served, candidate = store.served(recipe.name), store.candidate(recipe.name)
    plan = plan_of(recipe)
    asked = _judged(recipe, plan, last, due.now(), fingerprint(plan)[0])
    zone = zone_of(recipe.refresh.timezone)
    return {
        "name": recipe.name,
        "served": served.short if served else None,
        "candidate": candidate.short if candidate else None,
        "last_run": last and _moment(last.started, zone),
        "last_state": last and last.state,
        "last_summary": last and last.summary,
        "attempt": last.attempt if last else None,
        "schedule": recipe.refresh.schedule,
        "timezone": str(zone),
        "next_due": "now" if asked.is_due else _said(asked.at),
        "unread_feedback": len(
            set(store.feedback_digests(recipe.name)) - set(candidate.manifest.feedback if candidate else [])
        ),
    }


def _judged(recipe: Recipe, plan: Plan, last: history.Run | None, at: datetime, inputs: str) -> Due:
    """Say whether a run is due. Raises UsageError for a schedule that is no cron line."""
    from cronsim import CronSimError

    try:
        if plan.schedule is not None:
            next(due.moments(plan.schedule, at, zone_of(plan.timezone)))
        return judge(plan, last, at, inputs)
    except (CronSimError, StopIteration):
        raise UsageError(
            f"{recipe.path.name}: refresh.schedule",
            f"{plan.schedule!r} is not a cron line",
            next_step="write for example '0 3 * * *'",
        ) from None


def _moment(seconds: float, zone: Any) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(seconds, zone).isoformat(timespec="seconds")


def _said(at: datetime | None) -> str:
    return at.isoformat(timespec="minutes") if at else "never"


def _plan(recipe: Recipe, store: Store) -> str:
    """Say what a run would do, without doing it."""
    candidate = store.candidate(recipe.name)
    if candidate is None:
        return "would curate for the first time, train, steer, train again and compare"
    changed = what_changed(recipe, store, candidate)
    if changed:
        return f"would curate again ({changed}), train, steer, train again and compare"
    served = store.served(recipe.name)
    if served is None or (recipe.training is None and served.id != candidate.id):
        return f"would serve {candidate.short}, if its checks passed"
    return pending(recipe, store, candidate) or f"nothing: {recipe.name} {candidate.short} is up to date"


def _facts(state: str, summary: str) -> dict[str, Any]:
    return {"state": state, "summary": summary}
