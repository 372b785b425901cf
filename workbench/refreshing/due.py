"""Whether a run is due, from the cron line, the last run and the clock: nothing heavy is imported, nothing is read.

Moments are counted in the zone of the recipe, so that 3 o'clock stays 3 o'clock when the clocks change. Moments that
were missed are one run. A failure that may pass is tried again after a while that doubles; any other waits for other
inputs or the next moment.
"""

from __future__ import annotations

import glob
import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any

from tilth.workbench.refreshing.history import CHECKS_FAILED, FAILED, KILLED, RUNNING, History, Run

FIRST_WAIT_S, LONGEST_WAIT_S = 300, 6 * 3600
MOST_MISSED = 1_000
CLOCK_SLIP = timedelta(minutes=1)
_LOCALTIME = Path("/etc/localtime")


@dataclass(frozen=True)
class Plan:
    """What of a recipe decides when it runs. recipe: digest of its bytes and of what --set said."""

    recipe: str
    name: str
    schedule: str | None
    timezone: str | None
    sources: tuple[str, ...]
    base_dir: str


@dataclass(frozen=True)
class Due:
    """Whether a run is due, why, and when the next is; missed: moments beside the one that it stands for."""

    is_due: bool
    why: str
    at: datetime | None = None
    missed: int = 0
    attempt: int = 1


def now() -> datetime:
    """Return the time."""
    return datetime.now(UTC)


def zone_of(name: str | None) -> tzinfo:
    """Return a time zone by its IANA name, that of this machine where none is named. Raises KeyError."""
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        if name:
            return ZoneInfo(name)
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise KeyError(name) from None
    try:
        linked = os.environ.get("TZ", "").lstrip(":") or str(_LOCALTIME.resolve()).partition("zoneinfo/")[2]
        return ZoneInfo(linked) if linked else UTC
    except (ValueError, OSError, ZoneInfoNotFoundError):
        return UTC


def moments(schedule: str, after: datetime, zone: tzinfo) -> Any:
    """Return an iterator of the moments of a cron line after a moment, in a zone. Raises cronsim.CronSimError."""
    from cronsim import CronSim

    return CronSim(schedule, after.astimezone(zone))


def judge(plan: Plan, last: Run | None, at: datetime, inputs: str) -> Due:
    """Say whether a run is due at a moment. last: the run before. inputs: digest of the sources as they are."""
    if last is None:
        return Due(True, "it never ran", at)
    if plan.schedule is None:
        return Due(True, "there is no schedule", at, attempt=last.attempt + 1 if last.failed else 1)
    if last.state == RUNNING:
        return Due(True, "the last run was killed", at, attempt=last.attempt + 1)
    zone = zone_of(plan.timezone)
    since = min(datetime.fromtimestamp(last.started, UTC), at)  # a clock that went back stops nothing
    coming = moments(plan.schedule, since, zone)
    scheduled = next(coming)
    if last.state in (FAILED, KILLED, CHECKS_FAILED):
        return _again(last, at, scheduled, inputs)
    if scheduled > at:
        return Due(False, "not due", scheduled)
    missed = 0
    while next(coming) <= at and missed < MOST_MISSED:
        missed += 1
    return Due(True, "it is scheduled", scheduled, missed)


def _again(last: Run, at: datetime, scheduled: datetime, inputs: str) -> Due:
    """Say when a run that failed is tried again."""
    attempt = last.attempt + 1
    if not last.transient:
        if inputs != last.inputs:
            return Due(True, "the sources changed since the last run failed", at, attempt=attempt)
        return Due(
            scheduled <= at, "the last run failed, and nothing changed since", scheduled, attempt=attempt
        )
    if last.state == KILLED and last.attempt == 1:  # it says nothing of the run that somebody ended
        return Due(True, "the last run was killed", at, attempt=attempt)
    wait = min(FIRST_WAIT_S * 2 ** min(last.attempt - 1, 16), LONGEST_WAIT_S)
    ended = min(datetime.fromtimestamp(last.ended or last.started, UTC), at)
    again = min(ended + timedelta(seconds=wait), scheduled)
    return Due(again <= at, f"the last run {last.state}", again.astimezone(scheduled.tzinfo), attempt=attempt)


def fingerprint(plan: Plan) -> tuple[str, dict[str, list[int]]]:
    """Return a digest of the source files' names, sizes and times, and files and bytes of each source; remote: 0."""
    found: dict[str, list[int]] = {}
    digest = hashlib.sha256()
    for source in plan.sources:
        count, size = 0, 0
        base = Path(plan.base_dir)
        names = [] if "://" in source else sorted(glob.glob(source, root_dir=base, recursive=True))  # noqa: PTH207
        files = [path for name in names for path in _files(base / name)]
        for path in files:
            try:
                about = path.stat()
            except OSError:
                continue
            count, size = count + 1, size + about.st_size
            digest.update(json.dumps([source, str(path), about.st_size, about.st_mtime_ns]).encode())
        found[source] = [count, size]
    digest.update(plan.recipe.encode())
    return digest.hexdigest(), found


def _files(path: Path) -> list[Path]:
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def recipe_bytes_digest(recipe: Path, overrides: tuple[str, ...]) -> str:
    """Return the digest of a recipe as it lies there, and of what --set says. Raises OSError."""
    return hashlib.sha256(recipe.read_bytes() + json.dumps(overrides).encode()).hexdigest()


def not_due(recipe: Path, overrides: tuple[str, ...], root: Path) -> Due | None:
    """Return that a run is not due where that is certain without reading the recipe, else None."""
    if (root / "erasing.json").is_file():
        return None
    try:
        history = History(root)
        kept = history.plan(str(recipe.absolute()))
        if kept is None or kept.get("recipe") != recipe_bytes_digest(recipe, overrides):
            return None
        plan = Plan(**{**kept, "sources": tuple(kept["sources"])})
        last = next(iter(history.runs(plan.name, 1)), None)
        found = judge(plan, last, now(), fingerprint(plan)[0] if last and last.failed else "")
    except Exception:  # whatever is odd is found, and said, by the way that reads the recipe
        return None
    return None if found.is_due else found


def as_kept(plan: Plan) -> dict[str, Any]:
    """Return a plan as the history keeps it."""
    return asdict(plan)
