"""One reader on one file, in a process of its own: what the benchmark of readers runs.

    python -m benchmarks.tools.readers READER FILE
    python -m benchmarks.tools.readers READER QUESTIONS FILE ...

The first prints cpu_s of reading alone, peak_mib of the process and rows. The second prints for every file how
many of its numbered questions came through, how many rows were none of them, and how many lines were reported.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

# What is left of a read: the rows, the prompts of those that have one, and how many lines were reported.
Read = tuple[int, Callable[[], list[Any]], int]


def tilth(path: Path) -> Read:
    """Into the three tables of a part, on disk."""
    import polars as pl

    from tilth.curation.reading import read

    read.MIN_COMPILED_BYTES = 0
    scratch = TemporaryDirectory()
    source = read.Source(path=path.name)
    parts = read.ingest([source], path.parent, Path(scratch.name), read.ReadLimits()).parts
    seen = pl.concat([pl.read_parquet(p.occurrences, columns=["row_id", "reader_reason"]) for p in parts])

    def prompts() -> list[Any]:
        turns = pl.read_parquet(Path(scratch.name) / "*.turns.parquet")
        return turns.filter(pl.col("turn") == 0)["text"].to_list()

    return seen["row_id"].count(), prompts, seen["reader_reason"].count()


def polars(path: Path) -> Read:
    """Into a frame in memory."""
    import polars as pl

    frame = pl.read_ndjson(path)
    return frame.height, lambda: frame.get_column("prompt").to_list(), 0


def polars_ignoring_errors(path: Path) -> Read:
    """Into a frame in memory, passing over errors."""
    import polars as pl

    frame = pl.read_ndjson(path, ignore_errors=True)
    return frame.height, lambda: frame.get_column("prompt").to_list(), 0


def orjson_lines(path: Path) -> Read:
    """Into a list of dicts; a line that raises is reported."""
    import orjson

    rows: list[Any] = []
    reported = 0
    with path.open("rb") as file:
        for line in file:
            try:
                rows.append(orjson.loads(line))
            except orjson.JSONDecodeError:
                reported += 1
    return len(rows), lambda: [row.get("prompt") for row in rows if isinstance(row, dict)], reported


def datasets(path: Path) -> Read:
    """Into an Arrow file in a fresh cache, by `load_dataset`."""
    import datasets as hf

    hf.disable_progress_bars()
    scratch = TemporaryDirectory()
    table = hf.load_dataset("json", data_files=str(path), split="train", cache_dir=scratch.name)
    return len(table), lambda: list(table["prompt"]), 0


def pandas(path: Path) -> Read:
    """Into a frame in memory."""
    import pandas as pd

    frame = pd.read_json(path, lines=True)
    return len(frame), lambda: list(frame["prompt"]), 0


READERS = {f.__name__: f for f in (tilth, polars, polars_ignoring_errors, orjson_lines, datasets, pandas)}


def peak_mib() -> int:
    """Return the most memory that this process has held."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) // 1024


def speed(name: str, path: Path) -> dict[str, Any]:
    """Return the CPU seconds of reading a file, after a warm-up, and the peak memory."""
    with TemporaryDirectory() as scratch:
        few = Path(scratch) / "few.jsonl"
        with path.open("rb") as file:
            few.write_bytes(b"".join(file.readline() for _ in range(100)))
        READERS[name](few)  # imports, compiled kernels
    started = time.process_time()
    rows, _, _ = READERS[name](path)
    return {"cpu_s": time.process_time() - started, "peak_mib": peak_mib(), "rows": rows}


def outcome(name: str, path: Path, questions: int) -> dict[str, Any]:
    """Return how many of the numbered questions came through, and how many other rows, or that it raised."""
    try:
        rows, prompts, reported = READERS[name](path)
        texts = prompts()
    except Exception:
        return {"ended": "raised"}
    expected = {f"question {n}" for n in range(questions)}
    kept = len(expected & {text for text in texts if isinstance(text, str)})
    return {"kept": kept, "odd_rows": rows - kept, "reported": reported}


def main(name: str, *arguments: str) -> None:
    """Print what came of reading, a line for every file."""
    os.environ["HF_DATASETS_OFFLINE"] = os.environ["HF_HUB_OFFLINE"] = "1"
    if len(arguments) == 1:
        print(json.dumps(speed(name, Path(arguments[0]))))
        return
    questions, *paths = arguments
    for path in paths:
        print(json.dumps(outcome(name, Path(path), int(questions))), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
