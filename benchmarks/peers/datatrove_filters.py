"""Which rows datatrove's prose filters would drop, filter by filter, on the response and on the whole text.

    python benchmarks/peers/datatrove_filters.py ROWS.jsonl

ROWS: lines with id, response and text. Prints one line of JSON: dropped ids by setting.
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

from datatrove.data import Document
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)
from loguru import logger

FIELDS = ("response", "text")


def main(path: Path) -> None:
    """Run every filter on every row and print the rows it does not keep."""
    logger.remove()
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    filters = {
        "gopher_quality": GopherQualityFilter(),
        "gopher_repetition": GopherRepetitionFilter(),
        "c4": C4QualityFilter(filter_no_terminal_punct=False),
        "fineweb": FineWebQualityFilter(),
    }
    started = time.process_time()
    dropped = {
        f"{name} on {field}": [row["id"] for row in rows if not _keeps(one, row, field)]
        for name, one in filters.items()
        for field in FIELDS
    }
    cpu_s = round(time.process_time() - started, 2)
    print(
        json.dumps({"version": version("datatrove"), "rows": len(rows), "cpu_s": cpu_s, "dropped": dropped})
    )


def _keeps(one: object, row: dict[str, str], field: str) -> bool:
    kept = one.filter(Document(text=row[field], id=row["id"]))  # type: ignore[attr-defined]
    return kept is True  # a tuple (False, reason) otherwise


if __name__ == "__main__":
    main(Path(sys.argv[1]))
