"""What the base knew before: rows on which forgetting is measured, never trained on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tilth.shards.errors import SourceError, Untrainable
from tilth.training.rows.overlap import holding, text_of

MAX_LINE_BYTES = 1 << 20


def read_known(path: Path) -> list[dict[str, Any]]:
    """Return the samples of a JSON lines file: documents ({"text"}) or conversations ({"messages"}).

    They have the columns of Version.samples, so that a Renderer takes them. Raises SourceError naming the line.
    """
    samples = []
    try:
        with path.open("rb") as file:
            number = 0
            while line := file.readline(MAX_LINE_BYTES + 1):
                number += 1
                if line.strip():
                    samples.append(_sample(line, f"{path.name}:{number}"))
    except OSError as error:
        raise _broken(str(path), f"cannot be read ({error.strerror})") from error
    if not samples:
        raise _broken(str(path), "holds no rows")
    return samples


def without_judges(
    samples: list[dict[str, Any]], judging: list[str], what: str
) -> tuple[list[dict[str, Any]], list[str]]:
    """Return the samples that hold none of the texts that judge the run, and a line on the others.

    Half of the rows are replayed, so they would be trained on. Raises Untrainable where none is left.
    """
    held = holding([text_of(sample["turns"]) for sample in samples], judging)
    kept = [sample for sample, is_held in zip(samples, held) if not is_held]
    count = int(held.sum())
    if not count:
        return kept, []
    line = f"{count:,} of {len(samples):,} rows of {what} are held-out rows or task questions, or nearly"
    if not kept:
        raise Untrainable(
            f"training.base_knowledge {what}",
            "every row of it is a held-out row or a task question, or nearly",
            "Replaying them would train on what judges the run",
            "Name rows of what the base knew before, or leave the key out",
        )
    return kept, [line]


def _sample(line: bytes, where: str) -> dict[str, Any]:
    if len(line) > MAX_LINE_BYTES:
        raise _broken(where, f"the line is longer than {MAX_LINE_BYTES >> 10} KiB")
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise _broken(where, "not valid JSON") from error
    sample: dict[str, Any] = {
        "row_id": hashlib.blake2b(line.strip(), digest_size=16).digest(),
        "slice": "base_knowledge",
        "weight": None,
        "tools": None,
    }
    if isinstance(value, dict) and isinstance(value.get("text"), str):
        return {**sample, "shape": "document", "turns": [{"role": "document", "text": value["text"]}]}
    if isinstance(value, dict) and isinstance(value.get("messages"), list):
        turns = [_turn(message, where) for message in value["messages"]]
        return {**sample, "shape": "chat", "turns": turns}
    raise _broken(where, "neither `text` nor `messages`")


def _turn(message: Any, where: str) -> dict[str, Any]:
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise _broken(where, "a message has no role")
    content = message.get("content")
    return {"role": message["role"], "text": content if isinstance(content, str) else ""}


def _broken(where: str, what: str) -> SourceError:
    return SourceError(
        where,
        what,
        "What the tuning makes the model forget cannot be measured",
        'Each line of training.base_knowledge needs {"text": …} or {"messages": […]}',
    )
