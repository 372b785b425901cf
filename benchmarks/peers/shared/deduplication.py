"""What the scripts of duplicate finders share: texts in; time and peak of the job alone, one line of JSON out.

`benchmarks.tools.peer` puts this folder on the path of every script; it needs nothing but Python.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

WARM_UP_ROWS = 100
WORDS = re.compile(rb"\w+")


def read_texts(path: str) -> list[str]:
    """Return the texts of a file that holds one JSON string a line."""
    return [json.loads(line) for line in Path(path).read_text(encoding="utf-8").splitlines()]


def shingles(text: str) -> set[bytes]:
    """Return the word 5-grams of a text, or all its words where there are fewer."""
    words = WORDS.findall(text.lower().encode())
    return {b" ".join(words[i : i + 5]) for i in range(max(1, len(words) - 4))}


def report(package: str, rows: int, repeats: Callable[[int], list[Any]], found_as: str = "repeats") -> None:
    """Time `repeats(rows)`, which looks at the first so many texts, and print what it found under `found_as`."""
    repeats(WARM_UP_ROWS)
    started = time.process_time()
    found = repeats(rows)
    cpu_s = time.process_time() - started
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    peak = re.search(r"VmHWM:\s+(\d+)", status)
    figures = {"rows": rows, "cpu_s": cpu_s, "peak_mib": int(peak[1]) >> 10 if peak else None}
    print(json.dumps({"version": version(package), **figures, found_as: found}))
