"""A million rows searched: what a page of rows takes, and the memory of the process that answers.

`python -m benchmarks.suite.serve [ROWS] [FOLDER]` publishes a version of synthetic text (once; FOLDER is kept);
run again it opens the index, asks every kind of search that a page can, and prints milliseconds and MB as JSON.
"""

from __future__ import annotations

import hashlib
import json
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from tilth.shards.digest import text_digests
from tilth.shards.publish import Draft
from tilth.shards.store import Store
from tilth.shards.tables import DECISIONS, OCCURRENCES, ROWS, TURNS, conform
from tilth.workbench.serving.search.index import open_index
from tilth.workbench.serving.search.query import Searcher, read_query

WORDS, WORDS_A_ROW, NAME, CHUNK = 30_000, 120, "bench", 20_000
RULES = ("length: too_long", "dedup: near_duplicate", "echo: echo", "empty: empty_response")
ROUNDS = 5


def words() -> list[str]:
    """Return made-up words of two to nine letters."""
    pick = random.Random(1)
    return ["".join(pick.choices("etaoinshrdlucmfw", k=pick.randint(2, 9))) for _ in range(WORDS)]


def publish(root: Path, rows: int) -> None:
    """Publish a version of `rows` rows of about 0.8 kB, in the order of their ids."""
    known, pick = words(), random.Random(2)
    ids = sorted(hashlib.blake2b(str(n).encode(), digest_size=16).digest() for n in range(rows))
    texts = [" ".join(pick.choices(known, k=WORDS_A_ROW)) for _ in range(CHUNK)]

    def turns(wanted: pl.Series) -> pl.DataFrame:
        said = [f"{row[:3].hex()} {texts[int.from_bytes(row[:4], 'big') % CHUNK]}" for row in wanted]
        users = pl.DataFrame({"row_id": wanted, "turn": 0, "role": "user", "text": said})
        answers = users.with_columns(turn=pl.lit(1), role=pl.lit("assistant"), text=pl.lit("It is so."))
        return conform(pl.concat([users, answers]).sort("row_id", "turn"), TURNS)

    def measures(wanted: pl.Series) -> pl.DataFrame:
        values = [int.from_bytes(row[:4], "big") / 2**32 for row in wanted]
        measured = {"row_id": wanted, "quality.score": values, "language.language": ["en"] * len(values)}
        return pl.DataFrame(measured).with_columns(turn=pl.lit(None, pl.UInt16))

    frame = pl.DataFrame(
        {"row_id": ids, "shape": ["chat"] * rows, "source": [f"s{n % 9}" for n in range(rows)]}
    )
    digests = pl.concat([
        text_digests(conform(part, ROWS), turns(part["row_id"])) for part in frame.iter_slices(CHUNK)
    ])  # fmt: skip
    taken = [RULES[n % 4].split(": ") if n % 10 == 0 else None for n in range(rows)]
    decisions = pl.DataFrame({
        "row_id": ids, "verdict": ["drop" if one else "keep" for one in taken],
        "stage": [one and one[0] for one in taken], "reason": [one and one[1] for one in taken],
        "split": [None if one else "train" for one in taken], "fold": [None if one else 1 for one in taken],
        "slice": [None if one else f"t{n % 20}" for n, one in enumerate(taken)],
        "weight": [None if one else 1_000_000 for one in taken],
    })  # fmt: skip
    lines = pl.DataFrame({"row_id": ids, "line": range(1, rows + 1)}).with_columns(
        source_path=pl.lit("rows.jsonl"), source=pl.lit("rows"), file_digest=pl.lit(bytes(32))
    )
    Store.open(root).publish(NAME, Draft(
        rows=conform(frame.join(digests, on="row_id"), ROWS), decisions=conform(decisions, DECISIONS),
        occurrences=conform(lines, OCCURRENCES), measures=measures, turns=turns,
        sources=["0" * 64], recipe_digest="0" * 64,
    ))  # fmt: skip


def searches() -> dict[str, dict[str, str]]:
    """Return what is asked, by a few words."""
    known = words()
    rare = f"{known[5]} {known[9]}"
    return {
        "everything": {}, "page 5,000": {"page": "5000"}, "a facet": {"verdict": "drop"},
        "two facets": {"rule": RULES[0], "source": "s3"}, "a rare literal": {"q": rare},
        "a frequent literal": {"q": known[7]}, "a literal in capitals": {"q": "Nowhere"},
        "words": {"q": rare, "how": "words"},
        "a regex": {"q": rf"{known[3][:4]}\w+ {known[4][:3]}", "how": "regex"},
        "longest first": {"sort": "chars", "order": "down"},
        "by a measure": {"sort": "quality.score", "order": "down"},
        "within bounds": {"measure": "quality.score", "low": "0.9"},
        "literal, facet and sort": {"q": known[8], "verdict": "keep", "sort": "chars"},
    }  # fmt: skip


def peak_mb() -> dict[str, float]:
    """Return resident memory of this process now and at its highest, in MB."""
    said = dict(
        line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line
    )
    return {name: int(said[name].split()[0]) / 1000 for name in ("VmRSS", "VmHWM", "RssAnon")}


def measure(root: Path) -> dict[str, Any]:
    """Return milliseconds a search (nothing kept of the ones before), over all, and memory."""
    store = Store.open(root)
    version = store.candidate(NAME)
    assert version is not None
    started = time.monotonic()
    index = open_index(store, version)
    figures: dict[str, Any] = {"rows": index.ids.len(), "open_s": round(time.monotonic() - started, 2)}
    searcher, every = Searcher(index), []
    figures["searches"] = {}
    for what, params in searches().items():
        took = []
        for _ in range(ROUNDS):
            searcher.forget()
            took.append(1000 * searcher.search(read_query(params)).seconds)
        every += took
        figures["searches"][what] = round(sorted(took)[ROUNDS // 2], 1)
    every.sort()
    figures["median_ms"], figures["p95_ms"] = (
        round(every[len(every) // 2], 1),
        round(every[int(0.95 * len(every))], 1),
    )
    return figures | {"memory_mb": peak_mb()}


def main() -> None:
    """Publish where nothing is yet, or measure what is there; the first run does one, the second the other."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    root = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(tempfile.gettempdir()) / f"tilth-serve-{rows}"
    if not (root / "format").exists():
        publish(root, rows)
        open_index(Store.open(root), Store.open(root).version(f"{NAME}.candidate"))
        print(f"published {rows:,} rows in {root}; run it again to measure")
        return
    print(json.dumps(measure(root), indent=1))


if __name__ == "__main__":
    main()
