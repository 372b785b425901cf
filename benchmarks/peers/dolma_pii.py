"""dolma's fastest tagger of personal data (e-mail, phone, IP): texts a CPU-second, and the spans it finds.

python benchmarks/peers/dolma_pii.py TEXTS.parquet CASES.parquet LONG.parquet SPANS.json
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path

import polars as pl
from dolma.core.data_types import Document
from dolma.taggers.pii import FastPiiRegex

KINDS = {"EMAIL_ADDRESS": "email", "PHONE_NUMBER": "phone", "IP_ADDRESS": "ip"}


def main() -> None:
    """Measure on the texts, find in the cases, time each long text."""
    texts, cases, long = (pl.read_parquet(path)["text"].to_list() for path in sys.argv[1:4])
    tagger = FastPiiRegex()

    def spans(text: str) -> list[tuple[str, int, int]]:
        found = tagger.predict(Document(source="", id="", text=text)).spans
        return [(KINDS[span.type], span.start, span.end) for span in found if span.type in KINDS]

    def seconds(some: list[str]) -> float:
        started = time.process_time()
        for text in some:
            spans(text)
        return time.process_time() - started

    seconds(texts[:10])
    figures = {"version": version("dolma"), "rows": len(texts), "cpu_s": seconds(texts)}
    Path(sys.argv[4]).write_text(json.dumps([spans(text) for text in cases]), encoding="utf-8")
    print(json.dumps(figures | {"long_s": [round(seconds([text]), 2) for text in long]}))


if __name__ == "__main__":
    main()
