"""When the loop is due, and how an operating system is told to run it."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tilth.shards.errors import RecipeError, UsageError

if TYPE_CHECKING:
    from tilth.workbench.recipes.sections import Recipe

# How often the emitted timer looks; the recipe's cron line decides whether anything is done.
LOOK_EVERY = "*:0/15"
CRON_LOOK_EVERY = "*/15 * * * *"


def next_due(schedule: str, after: datetime) -> datetime:
    """Return the first moment after `after` that a cron line names. Raises RecipeError."""
    from cronsim import CronSim, CronSimError

    try:
        return next(CronSim(schedule, after))
    except CronSimError:
        raise RecipeError(
            ("refresh", "schedule"), f"{schedule!r} is not a cron line", "write for example '0 3 * * *'"
        ) from None


def is_due(schedule: str | None, last_run: datetime | None, now: datetime) -> bool:
    """Return whether a run is due: never run before, no schedule, or its next moment has passed."""
    return schedule is None or last_run is None or next_due(schedule, last_run) <= now


def _systemd_word(word: str) -> str:
    """Return a word as ExecStart reads it (systemd.service(5)): in double quotes, % and $ doubled."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$").replace("%", "%%")
    return f'"{escaped}"'


def emit(kind: str, recipe: Recipe, store_path: Path | None) -> str:
    """Return the unit files or the cron line. Raises UsageError if the recipe has no schedule."""
    if recipe.refresh.schedule is None:
        raise UsageError(
            recipe.path.name,
            "there is no refresh.schedule",
            next_step='add: refresh: {schedule: "0 3 * * *"}',
        )
    next_due(recipe.refresh.schedule, datetime.now())
    words = [str(Path(sys.executable).with_name("refresh")), "run", str(recipe.path.absolute()), "--if-due"]
    if store_path is not None:
        words += ["--store", str(store_path.absolute())]
    if any("\n" in word or "\r" in word for word in words):
        raise UsageError(
            repr(str(recipe.path)),
            "a path with a line end in it fits on no line of a schedule",
            next_step="rename it",
        )
    if kind == "cron":  # cron ends a command at a bare %
        return f"{CRON_LOOK_EVERY} {shlex.join(words).replace('%', chr(92) + '%')}\n"
    folder = str(recipe.path.absolute().parent).replace("%", "%%")
    command = " ".join(map(_systemd_word, words))
    return (
        f"# /etc/systemd/system/tilth-{recipe.name}.service\n"
        f"[Unit]\nDescription=Tilth refresh of {recipe.name}\n\n"
        f"[Service]\nType=oneshot\nWorkingDirectory={folder}\nExecStart={command}\n"
        "# 75: another run holds the lock\nSuccessExitStatus=75\n\n"
        f"# /etc/systemd/system/tilth-{recipe.name}.timer\n"
        f"[Unit]\nDescription=Tilth refresh of {recipe.name}\n\n"
        f"[Timer]\nOnCalendar={LOOK_EVERY}\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )
