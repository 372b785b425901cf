"""Decisions of people handed on, taken in, and taken back."""

from __future__ import annotations

import csv
import getpass
import io
import json
import secrets
from typing import TYPE_CHECKING, Any

from tilth.shards.atomic import write_file
from tilth.shards.errors import UsageError
from tilth.shards.judgement import Act, Judgement, read_judgement
from tilth.shards.refs import utc_now
from tilth.workbench.looking.review import as_facts, live
from tilth.workbench.running.reviewed_elsewhere import judgements_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tilth.shards.store import Store

MIN_PREFIX = 4
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_judgements(store: Store, name: str, path: Path) -> int:
    """Write the log of a name as JSON lines or CSV, as the suffix says; return how many judgements.

    Raises UsageError for another suffix.
    """
    held = store.judgement_log.read(name).judgements
    if path.suffix == ".jsonl":
        data = b"".join(one.to_bytes() + b"\n" for one in held)
    elif path.suffix == ".csv":
        data = as_csv([as_facts(one) for one in held]).encode()
    else:
        raise UsageError(str(path), "is no .jsonl and no .csv", "Nothing was written", "Name a .jsonl file")
    write_file(path, data)
    return len(held)


def as_csv(lines: Sequence[dict[str, Any]]) -> str:
    """Return CSV of which no cell is a formula to a spreadsheet (OWASP, CSV injection): such text gets a quote."""
    out = io.StringIO()
    if lines:
        writer = csv.DictWriter(out, list(lines[0]), lineterminator="\r\n")
        writer.writeheader()
        writer.writerows({key: harmless(value) for key, value in line.items()} for line in lines)
    return out.getvalue()


def harmless(value: Any) -> Any:
    """Return text that begins like a formula with a quote before it."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def take_in(store: Store, name: str, path: Path) -> dict[str, Any]:
    """Add the judgements of a file; return decisions (in it) and new. Raises UsageError naming a line that is none."""
    data = path.read_bytes()
    found = []
    if data.lstrip()[:1] == b"[":
        try:
            found = judgements_of(json.loads(data), utc_now())
        except (ValueError, RecursionError) as error:
            raise UsageError(str(path), "is no JSON", "Nothing was taken in") from error
        except UsageError as error:
            raise UsageError(f"{path}: {error.where}", error.what, "Nothing was taken in") from error
        data = b""
    for number, line in enumerate(data.splitlines(), 1):
        try:
            found.append(read_judgement(json.loads(line)))
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{path}:{number}", "is no JSON", "Nothing was taken in") from error
        except UsageError as error:
            raise UsageError(f"{path}:{number}", error.what, "Nothing was taken in") from error
    return {"name": name, "decisions": len(found), "new": store.judgement_log.add(name, found)}


def take_back(
    store: Store, name: str, ids: Sequence[str], author: str | None, act: str | None, by: str | None = None
) -> dict[str, Any]:
    """Undo judgements by id or author; return how many. by: who does it. Raises UsageError where none fits."""
    held = live(store.judgement_log.read(name).judgements)
    if not ids and author is None:
        raise UsageError(
            "tilth review undo", "names no decision", "Nothing was taken back", "Give ids, or --by NAME"
        )
    chosen = [
        one
        for one in held
        if (not ids or any(len(i) >= MIN_PREFIX and one.id.startswith(i) for i in ids))
        and author in (None, one.by)
        and act in (None, str(one.act))
    ]
    if not chosen:
        raise UsageError(
            f"decisions of {name}", "none fits", "Nothing was taken back", f"See `tilth review list {name}`"
        )
    who = by or getpass.getuser()
    undos = [undo_of(one, who) for one in chosen]
    store.judgement_log.add(name, undos)
    return {"name": name, "undone": len(undos), "ids": [one.id for one in chosen]}


def undo_of(one: Judgement, by: str) -> Judgement:
    """Return the judgement that takes another back."""
    return Judgement(
        at=utc_now(),
        by=by,
        act=Act.UNDO,
        row=one.row,
        undoes=one.id,
        queue=one.queue,
        nonce=secrets.token_hex(8),
    )
