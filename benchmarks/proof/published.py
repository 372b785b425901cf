"""BANKING77 as published: which of its labels the evidence names, and what a person found who read fifty of them.

`python -m benchmarks.proof.published DATA` writes benchmarks/results/proof_published.json. DATA holds
banking77_train.jsonl.zst with id, text and label a line. The reading stands in published_read.json, by id.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from pathlib import Path

import numpy as np

from benchmarks.proof.tuning import Bench
from benchmarks.proof.worlds import example_of, lines_of
from benchmarks.tools.record import write
from tilth.training.monitors.label_noise import NOMINAL, RARE
from tilth.training.monitors.outside import judge

READ = Path(__file__).with_name("published_read.json")


def main() -> None:
    """Name rows, join what was read, and write both down."""
    lines = lines_of(Path(sys.argv[1]) / "banking77_train.jsonl.zst")
    bench, started = Bench(), time.process_time()
    examples = [example_of(bench.tokenizer, line["text"], line["label"]) for line in lines]
    states = bench.states(examples)
    states_s, started = time.process_time() - started, time.process_time()
    found = judge(states, {e.row_id: line["label"].encode() for e, line in zip(examples, lines, strict=True)})
    if found is None:
        raise SystemExit("the answers are not few")
    id_of = {e.row_id: line["id"] for e, line in zip(examples, lines, strict=True)}
    sure = (found.precision >= NOMINAL) & (found.wrong > 0.5) & (found.rarity > RARE)
    order = np.argsort(-found.wrong, kind="stable")
    named = [id_of[found.row_ids[i]] for i in order if sure[i]]
    read = json.loads(READ.read_text(encoding="utf-8"))
    figures = {
        "rows": len(lines),
        "estimated noise": round(found.noise, 4),
        "named": named,
        "more likely wrong than right": int((found.wrong > 0.5).sum()),
        "read": {part: dict(Counter(read[part].values())) for part in ("named", "next most likely wrong")},
        "named and not read": sorted({*named} - {*read["named"]} - {*read["next most likely wrong"]}),
        "seconds": {"states": round(states_s, 1), "judging": round(time.process_time() - started, 1)},
    }
    write("proof_published", "python -m benchmarks.proof.published DATA", figures)


if __name__ == "__main__":
    main()
