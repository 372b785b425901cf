"""Judgements that were made in Label Studio or Argilla, read from what these export."""

from __future__ import annotations

import datetime as dt
from typing import Any

from tilth.shards.errors import UsageError
from tilth.shards.judgement import Act, Judgement, checked

QUEUE = {"label-studio": "label-studio", "argilla": "argilla"}


def judgements_of(value: Any, now: str) -> list[Judgement]:
    """Return the judgements in an export: an array of Label Studio tasks or Argilla records.

    now: the time of those that name none. A task that nobody answered holds none. Raises UsageError naming the task.
    """
    found = []
    for number, task in enumerate(value if isinstance(value, list) else [value], 1):
        try:
            found += _of_label_studio(task, now) if "annotations" in task else _of_argilla(task, now)
        except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
            raise UsageError(f"task {number}", "is no task of Label Studio and no record of Argilla",
                             "Nothing was taken in") from error  # fmt: skip
    return [checked(one) for one in found]


def _of_label_studio(task: dict[str, Any], now: str) -> list[Judgement]:
    data = task["data"]
    said = []
    for annotation in task["annotations"]:
        if annotation.get("was_cancelled"):
            continue
        choice = next(one["value"]["choices"][0] for one in annotation["result"] if "choices" in one["value"])
        by = annotation.get("completed_by")
        who = by.get("email") or by.get("id") if isinstance(by, dict) else by
        said.append(
            Judgement(
                at=_time(annotation.get("created_at"), now), by=f"label-studio {who}", act=Act(choice), row=data["row"],
                text=data["text_digest"], queue=QUEUE["label-studio"], nonce=str(annotation.get("id", "")),
            )
        )  # fmt: skip
    return said


def _of_argilla(record: dict[str, Any], now: str) -> list[Judgement]:
    about = record["metadata"]
    answers = [one for some in (record.get("responses") or {}).values() for one in some]
    return [
        Judgement(
            at=_time(record.get("updated_at"), now), by=f"argilla {one['user_id']}", act=Act(one["value"]),
            row=about["row"], text=about["text_digest"], queue=QUEUE["argilla"],
        )
        for one in answers
        if one.get("status", "submitted") == "submitted"
    ]  # fmt: skip


def _time(said: str | None, now: str) -> str:
    if not said:
        return now
    at = dt.datetime.fromisoformat(said)
    at = at if at.tzinfo else at.replace(tzinfo=dt.UTC)
    return at.astimezone(dt.UTC).isoformat(timespec="seconds")
