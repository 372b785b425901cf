"""dolma's taggers of Gopher and C4: documents a CPU-second.

python benchmarks/peers/dolma_taggers.py TEXTS.parquet
"""

from __future__ import annotations

import json
import resource
import sys
import time
from importlib.metadata import version

import polars as pl
from dolma.core.data_types import Document
from dolma.taggers.c4 import FasterC4Tagger
from dolma.taggers.gopher import GopherTaggerV2


def main(path: str) -> None:
    """Print one line of JSON."""
    documents = [
        Document(source="", version=None, id="", text=text)
        for text in pl.read_parquet(path)["text"].to_list()
    ]
    taggers = [GopherTaggerV2(), FasterC4Tagger()]
    for tagger in taggers:
        tagger.predict(documents[0])
    started = time.process_time()
    for document in documents:
        for tagger in taggers:
            tagger.predict(document)
    result = {
        "version": version("dolma"), "rows": len(documents), "cpu_s": time.process_time() - started,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }  # fmt: skip
    print(json.dumps(result))


if __name__ == "__main__":
    main(*sys.argv[1:])
