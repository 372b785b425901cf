"""Which rows Data-Juicer's recipe for instruction data would drop, on the response and on the whole text.

    python benchmarks/peers/data_juicer_filters.py ROWS.jsonl

The filters and bounds are those of its recipe alpaca-cot-en-refine, less flagged_words_filter (its word list is a
download) and the near-duplicate pass (measured elsewhere). `more` adds the word and character filters of the
package that need no model, with their own defaults. ROWS: lines with id, response and text.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

from data_juicer.ops.base_op import OPERATORS
from data_juicer.utils.constant import Fields

RECIPE = {
    "alphanumeric_filter": {"tokenization": False, "min_ratio": 0.1},
    "character_repetition_filter": {"rep_len": 10, "max_ratio": 0.6},
    "maximum_line_length_filter": {"min_len": 20},
    "text_length_filter": {"min_len": 30},
}
MORE = {"special_characters_filter": {}, "word_repetition_filter": {}, "words_num_filter": {}}


def main(path: Path) -> None:
    """Run the recipe on every row and print the rows it does not keep."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    settings = {"alpaca_cot_refine": RECIPE, "alpaca_cot_refine and more": RECIPE | MORE}
    started = time.process_time()
    dropped = {}
    with contextlib.redirect_stdout(io.StringIO()):
        for name, setting in settings.items():
            filters = [OPERATORS.modules[one](**bounds) for one, bounds in setting.items()]
            for field in ("response", "text"):
                dropped[f"{name} on {field}"] = _dropped(filters, rows, field)
    cpu_s = round(time.process_time() - started, 2)
    print(
        json.dumps(
            {"version": version("py-data-juicer"), "rows": len(rows), "cpu_s": cpu_s, "dropped": dropped}
        )
    )


def _dropped(filters: list[Any], rows: list[dict[str, Any]], field: str) -> list[str]:
    samples: dict[str, Any] = {"text": [row[field] for row in rows], Fields.stats: [{} for _ in rows]}
    kept = [True] * len(rows)
    for one in filters:
        samples = one.compute_stats_batched(samples)
        kept = [a and bool(b) for a, b in zip(kept, one.process_batched(samples), strict=True)]
    return [row["id"] for row, keep in zip(rows, kept, strict=True) if not keep]


if __name__ == "__main__":
    main(Path(sys.argv[1]))
