"""How others are told to run the loop: systemd, cron, Kubernetes, Airflow, Dagster, GitHub Actions.

Each looks often; the cron line of the recipe decides whether anything is done, so that the clock is read in one place.
"""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tilth.shards.errors import UsageError
from tilth.workbench.refreshing.due import moments, now, zone_of

if TYPE_CHECKING:
    from tilth.workbench.recipes.sections import Recipe

# How often the emitted timer looks; the recipe's cron line decides whether anything is done.
LOOK_EVERY = "*:0/15"
CRON_LOOK_EVERY = "*/15 * * * *"
BUSY = 75


@dataclass(frozen=True)
class Job:
    """What is to be run: its name, its words, and the folder it runs in."""

    name: str
    words: tuple[str, ...]
    folder: str


def emit(kind: str, recipe: Recipe, store_path: Path | None) -> str:
    """Return what tells another program to run the loop. Raises UsageError if the recipe has no usable schedule."""
    from cronsim import CronSimError

    if recipe.refresh.schedule is None:
        raise UsageError(
            recipe.path.name,
            "there is no refresh.schedule",
            next_step='add: refresh: {schedule: "0 3 * * *"}',
        )
    try:
        next(moments(recipe.refresh.schedule, now(), zone_of(recipe.refresh.timezone)))
    except (CronSimError, StopIteration):
        raise UsageError(
            f"{recipe.path.name}: refresh.schedule",
            f"{recipe.refresh.schedule!r} is not a cron line",
            next_step="write for example '0 3 * * *'",
        ) from None
    words = [str(Path(sys.executable).with_name("refresh")), "run", str(recipe.path.absolute()), "--if-due"]
    if store_path is not None:
        words += ["--store", str(store_path.absolute())]
    if any("\n" in word or "\r" in word for word in words):
        raise UsageError(
            repr(str(recipe.path)),
            "a path with a line end in it fits on no line of a schedule",
            next_step="rename it",
        )
    return KINDS[kind](Job(recipe.name, tuple(words), str(recipe.path.absolute().parent)))


def _cron(job: Job) -> str:
    """Return a line for crontab, which ends a command at a bare %."""
    return f"{CRON_LOOK_EVERY} {shlex.join(job.words).replace('%', chr(92) + '%')}\n"


def _systemd(job: Job) -> str:
    folder = job.folder.replace("%", "%%")
    command = " ".join(map(_systemd_word, job.words))
    return (
        f"# /etc/systemd/system/tilth-{job.name}.service\n"
        f"[Unit]\nDescription=Tilth refresh of {job.name}\n\n"
        f"[Service]\nType=oneshot\nWorkingDirectory={folder}\nExecStart={command}\n"
        f"# {BUSY}: another run holds the lock\nSuccessExitStatus={BUSY}\n\n"
        f"# /etc/systemd/system/tilth-{job.name}.timer\n"
        f"[Unit]\nDescription=Tilth refresh of {job.name}\n\n"
        f"[Timer]\nOnCalendar={LOOK_EVERY}\nPersistent=true\n\n"
        "[Install]\nWantedBy=timers.target\n"
    )


def _systemd_word(word: str) -> str:
    """Return a word as ExecStart reads it (systemd.service(5)): in double quotes, % and $ doubled."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("$", "$$").replace("%", "%%")
    return f'"{escaped}"'


def _k8s(job: Job) -> str:
    """Return a CronJob. YAML takes JSON strings, so that a path may hold anything."""
    # $(NAME) is a variable there, $$ a dollar.
    words = ["refresh", *(word.replace("$(", "$$(") for word in job.words[1:])]
    name = "tilth-" + job.name.lower().replace("_", "-").replace(".", "-")[:40].strip("-")
    return (
        "# The image has tilth installed; the volume holds recipe, sources and store.\n"
        f"apiVersion: batch/v1\nkind: CronJob\nmetadata:\n  name: {name}\nspec:\n"
        f'  schedule: "{CRON_LOOK_EVERY}"\n  concurrencyPolicy: Forbid\n  jobTemplate:\n    spec:\n'
        "      backoffLimit: 0  # the next look tries again\n      template:\n        spec:\n"
        "          restartPolicy: Never\n          containers:\n"
        f"            - name: refresh\n              image: IMAGE\n              workingDir: {json.dumps(job.folder)}\n"
        f"              command: {json.dumps(words)}\n"
        f"              volumeMounts: [{{name: data, mountPath: {json.dumps(job.folder)}}}]\n"
        "          volumes: [{name: data, persistentVolumeClaim: {claimName: CLAIM}}]\n"
    )


def _airflow(job: Job) -> str:
    return (
        f'"""Tilth refresh of {job.name}."""\n\nfrom datetime import datetime, timedelta\n\n'
        "from airflow import DAG\nfrom airflow.operators.bash import BashOperator\n\n"
        f"with DAG(\n    {json.dumps('tilth-' + job.name)},\n    schedule=timedelta(minutes=15),\n"
        "    start_date=datetime(2026, 1, 1),\n    catchup=False,\n    max_active_runs=1,\n):\n"
        '    BashOperator(\n        task_id="refresh",\n'
        f"        bash_command={json.dumps(shlex.join(job.words) + ' ')},\n        cwd={json.dumps(job.folder)},\n"
        f"        skip_on_exit_code={BUSY},  # another run holds the lock\n    )\n"
    )


def _dagster(job: Job) -> str:
    name = "tilth_" + "".join(letter if letter.isalnum() else "_" for letter in job.name)
    return (
        f'"""Tilth refresh of {job.name}."""\n\nimport subprocess\n\nfrom dagster import Definitions, '
        "ScheduleDefinition, job, op\n\n\n@op\ndef refresh() -> None:\n"
        f"    words = {json.dumps(list(job.words))}\n"
        f"    done = subprocess.run(words, cwd={json.dumps(job.folder)}, check=False)\n"
        f"    if done.returncode not in (0, {BUSY}):  # {BUSY}: another run holds the lock\n"
        '        raise RuntimeError(f"refresh ended with {done.returncode}")\n\n\n'
        f"@job\ndef {name}() -> None:\n    refresh()\n\n\n"
        f'defs = Definitions(schedules=[ScheduleDefinition(job={name}, cron_schedule="{CRON_LOOK_EVERY}")])\n'
    )


def _github(job: Job) -> str:
    words = shlex.join(("refresh", *job.words[1:]))
    return (
        f"# .github/workflows/tilth-{job.name}.yml: a runner of your own, which keeps the store between runs.\n"
        f'name: {json.dumps("Tilth refresh of " + job.name)}\non:\n  schedule: [{{cron: "{CRON_LOOK_EVERY}"}}]\n'
        f"  workflow_dispatch:\nconcurrency: {json.dumps('tilth-' + job.name)}\npermissions: {{}}\njobs:\n  refresh:\n"
        "    runs-on: self-hosted\n    steps:\n      - name: refresh\n"
        f"        working-directory: {json.dumps(job.folder)}\n        run: {json.dumps(words)}\n"
    )


KINDS: dict[str, Callable[[Job], str]] = {
    "systemd": _systemd,
    "cron": _cron,
    "k8s": _k8s,
    "airflow": _airflow,
    "dagster": _dagster,
    "github": _github,
}
