"""datatrove's PIIFormatter (e-mail, public IPv4): texts a CPU-second, and the spans it replaces.

python benchmarks/peers/datatrove_pii.py TEXTS.parquet CASES.parquet LONG.parquet SPANS.json
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import polars as pl
from datatrove.pipeline.formatters import PIIFormatter


def main() -> None:
    """Measure on the texts, find in the cases, time each long text."""
    texts, cases, long = (pl.read_parquet(path)["text"].to_list() for path in sys.argv[1:4])
    formatter = PIIFormatter()
    replacers = {"email": formatter.emails_replacer, "ip": formatter.ip_replacer}

    def spans(text: str) -> list[tuple[str, int, int]]:
        return [
            (kind, *hit.span())
            for kind, replacer in replacers.items()
            for hit in replacer.regex.finditer(text)
            if replacer.validator is None or replacer.validator(hit[0])
        ]

    def seconds(some: list[str]) -> float:
        started = time.process_time()
        for text in some:
            formatter.format(text)
        return time.process_time() - started

    seconds(texts[:10])
    figures = {"version": version("datatrove"), "rows": len(texts), "cpu_s": seconds(texts)}
    Path(sys.argv[4]).write_text(json.dumps([spans(text) for text in cases]), encoding="utf-8")
    print(json.dumps(figures | {"long_s": [round(seconds([text]), 2) for text in long]}))


if __name__ == "__main__":
    main()
