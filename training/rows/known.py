"""What the base knew before: rows on which forgetting is measured, never trained on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tilth.shards.errors import SourceError

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
