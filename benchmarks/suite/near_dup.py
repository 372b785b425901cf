"""Near duplicates beside rensa, gaoya and datasketch: speed, recall and precision in one run; real pairs by kind."""

from __future__ import annotations

import json
import multiprocessing
import re
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks.inputs.near_pairs import jaccard, planted
from benchmarks.inputs.sample import read_real
from benchmarks.tools import peer

BOUND = 0.8
DOCUMENTS, FEW_DOCUMENTS = 300_000, 20_000
EQUAL_ROWS, UNIQUE_ROWS = 100_000, 1_000_000
CHECKED_PAIRS = 5_000
RENSA = ["rensa==0.5.0"]
# What it is called here -> script, requirements, texts, further words for the script.
PEERS = {
    "rensa": ("near_rensa", RENSA, DOCUMENTS, ()),
    "rensa_hashed": ("near_rensa", RENSA, DOCUMENTS, ("hashed",)),
    "gaoya": ("near_gaoya", ["gaoya==0.2.2"], DOCUMENTS, ()),
    "datasketch": (
        "near_datasketch", ["datasketch==2.0.0", "numpy==2.2.6", "scipy==1.15.3"], FEW_DOCUMENTS, ()
    ),
}  # fmt: skip


def measure() -> dict[str, Any]:
    """Return rows a CPU-second, recall, precision and peak memory of each tool, and what we find in real pairs."""
    figures: dict[str, Any] = {}
    with TemporaryDirectory() as folder:
        for size in (DOCUMENTS, FEW_DOCUMENTS):
            texts, pairs = planted(size)
            path = Path(folder) / f"{size}.jsonl"
            path.write_text("\n".join(map(json.dumps, texts)) + "\n", encoding="utf-8")
            figures[f"tilth_{size}"] = _judged(_alone(_run_ours, str(path)), texts, pairs)
            for name, (script, requirements, rows, words) in PEERS.items():
                if rows == size:
                    found = peer.run(script, requirements, str(path), *words)
                    figures[name] = found if "unavailable" in found else _judged(found, texts, pairs)
    for name, (_, _, rows, _) in PEERS.items():
        if "rows_per_cpu_s" in figures[name]:
            ratio = figures[f"tilth_{rows}"]["rows_per_cpu_s"] / figures[name]["rows_per_cpu_s"]
            figures[f"times_{name}"] = round(ratio, 1)
    figures["equal_rows"] = _alone(_run_equal)
    figures["exact"] = _alone(_run_exact)
    return figures | _real_pairs()


def _judged(found: dict[str, Any], texts: pl.Series, pairs: pl.DataFrame) -> dict[str, Any]:
    """Return the figures of a tool. A planted pair is found if one of the two is out; a witness must be kept."""
    repeats = found.pop("repeats", None)
    out = set(found.pop("flagged")) if repeats is None else {row for row, _ in repeats}
    near = pairs.filter(pl.col("jaccard") >= BOUND)
    missed = sum(1 for a, b in near.select("a", "b").iter_rows() if a not in out and b not in out)
    found |= {
        "cpu_s": round(found["cpu_s"], 2),
        "rows_per_cpu_s": round(found["rows"] / found["cpu_s"]),
        "recall": round(1 - missed / near.height, 5),
        "planted_pairs": near.height,
    }
    if repeats is None:  # it names no witness, so nothing more can be looked at
        return found | {"flagged": len(out)}
    checked = repeats[:: max(1, len(repeats) // CHECKED_PAIRS)]
    right = sum(1 for row, witness in checked if jaccard(texts[row], texts[witness]) >= BOUND)
    return found | {
        "precision": round(right / max(1, len(checked)), 5),
        "dropped": len(out),
        "witnesses_not_kept": sum(1 for _, witness in repeats if witness in out),
    }


def _alone(run: Any, *arguments: Any) -> dict[str, Any]:
    """Run a function in a process of its own, so that its peak memory is its own."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return dict(pool.apply(run, arguments))


def _peak_mib() -> int:
    """Return the peak of this process; getrusage would hand down that of its parent."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text(encoding="utf-8"))
    return int(found[1]) >> 10 if found else 0


def _run_ours(path: str) -> dict[str, Any]:
    from tilth.curation.dedup import near_duplicates

    with Path(path).open(encoding="utf-8") as lines:
        texts = pl.Series([json.loads(line) for line in lines])
    near_duplicates(texts.head(100))
    before = _peak_mib()
    started = time.process_time()
    found = near_duplicates(texts, jaccard=BOUND)
    cpu_s = time.process_time() - started
    repeats = list(found.select("index", "witness").iter_rows())
    peak = {"peak_mib": _peak_mib(), "peak_mib_before": before}
    return {"rows": texts.len(), "cpu_s": cpu_s, **peak, "repeats": repeats}


def _run_equal() -> dict[str, Any]:
    """Find that many equal rows are one."""
    from tilth.curation.dedup import near_duplicates

    texts = pl.Series(["Where does the parcel go when nobody is at home?"]).new_from_index(0, EQUAL_ROWS)
    near_duplicates(texts.head(100))
    started = time.process_time()
    found = near_duplicates(texts)
    cpu_s = round(time.process_time() - started, 2)
    return {"rows": EQUAL_ROWS, "dropped": found.height, "cpu_s": cpu_s, "peak_mib": _peak_mib()}


def _run_exact() -> dict[str, Any]:
    """Find exact repeats: polars by text, and the run by the row ids that reading makes."""
    from tilth.shards.digest import row_id

    base, _ = planted(20_000)
    texts = pl.Series(
        [f"{text[:700]} {i}" for i, text in enumerate(base.to_list() * (UNIQUE_ROWS // 20_000))]
    )
    ids = pl.Series([row_id("document", [{"role": "document", "text": t}], None) for t in texts[:1000]])
    keys = pl.Series([i.to_bytes(8, "big") + ids[i % 1000][8:] for i in range(texts.len())])
    figures: dict[str, Any] = {"rows": UNIQUE_ROWS}
    for name, frame in (("polars_texts", texts.to_frame("key")), ("row_ids", keys.to_frame("key"))):
        started = time.process_time()
        assert frame.unique("key", keep="first", maintain_order=True).height == UNIQUE_ROWS
        figures[f"{name}_cpu_s"] = round(time.process_time() - started, 2)
    return figures


def _real_pairs() -> dict[str, Any]:
    """Return, for each kind of real pair, the share that is near by definition, and that we drop."""
    from tilth.curation.dedup import near_duplicates

    documents, pairs = read_real("near_dup/docs.jsonl.zst"), read_real("near_dup/pairs.jsonl.zst")
    if documents is None or pairs is None:
        return {}
    text = dict(documents.select("doc_id", "text").iter_rows())
    rows = []
    for a, b, kind in pairs.select("a", "b", "kind").iter_rows():
        both = pl.Series([text[a], text[b]])
        kept, dropped = (near_duplicates(both, keep_siblings=keep).height for keep in (True, False))
        rows.append((kind, kept, dropped))
    found = pl.DataFrame(rows, schema=["kind", "siblings_keep", "siblings_drop"], orient="row")
    by_kind = found.group_by("kind").agg(
        pl.len().alias("pairs"), pl.col("siblings_keep", "siblings_drop").sum()
    )
    return {"real_pairs_dropped": {row.pop("kind"): row for row in by_kind.sort("kind").to_dicts()}}
