"""Compute again, with datatrove's own code, the values of the texts in datatrove_prose.json.

    python -m tests.curation.golden.make_datatrove_prose

The texts were written for this file: plain ones and odd ones. To add one, add a case with no values and run this.
"""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from benchmarks.suite.quality import DATATROVE
from benchmarks.tools import peer

GOLDEN = Path(__file__).with_name("datatrove_prose.json")


def main() -> None:
    """Run datatrove and write its values beside the texts."""
    texts = [case["text"] for case in json.loads(GOLDEN.read_text(encoding="utf-8"))["cases"]]
    with TemporaryDirectory() as folder:
        path, values = Path(folder) / "texts.parquet", Path(folder) / "values.json"
        pl.DataFrame({"text": texts}).write_parquet(path)
        done = peer.run("datatrove", DATATROVE, str(path), str(values))
        found = json.loads(values.read_text(encoding="utf-8"))
    cases = [{"text": text, "values": of_text} for text, of_text in zip(texts, found, strict=True)]
    golden = {"library": "datatrove", "version": done["version"], "cases": cases}
    GOLDEN.write_text(json.dumps(golden, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
