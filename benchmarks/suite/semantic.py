"""Duplicates in meaning beside semhash on the same vectors; what the vectors of words and of an SVD find."""

from __future__ import annotations

import json
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from benchmarks.inputs.sample import read_real, sample_texts
from benchmarks.tools import peer

SEMHASH = [
    "semhash==0.5.0",
    "model2vec==0.10.0",
    "vicinity[usearch]==0.4.6",
    "usearch==2.26.6",
    "numpy==2.4.6",
]
TEXTS, BOUND = 20_000, 0.9
BOUNDS = (0.7, 0.8, 0.9, 0.95)


def measure() -> dict[str, Any]:
    """Return rows out, violations, rows missed and time of both tools, and recall on reworded problems."""
    from tilth.curation.dedup import semantic_duplicates
    from tilth.curation.similarity import lexical

    texts = _texts()
    started = time.process_time()
    vectors = lexical.vectors(lexical.word_counts(texts)).astype(np.float32) / lexical.SCALE
    made_cpu_s = time.process_time() - started
    semantic_duplicates(texts.head(100), vectors=vectors[:100])
    started = time.process_time()
    found = semantic_duplicates(texts, cosine=BOUND, vectors=vectors, keep_siblings=False)
    cpu_s = time.process_time() - started
    ours = {"rows": texts.len(), "cpu_s": cpu_s, "vectors_cpu_s": round(made_cpu_s, 2)}
    repeats = [(row, [witness]) for row, witness in found.select("index", "witness").iter_rows()]
    with TemporaryDirectory() as folder:
        said, stored = Path(folder) / "texts.jsonl", Path(folder) / "vectors.npy"
        said.write_text("\n".join(map(json.dumps, texts)) + "\n", encoding="utf-8")
        np.save(stored, vectors)
        theirs = peer.run("semantic_semhash", SEMHASH, str(said), str(stored), str(BOUND))
    figures = {
        "tilth": _judged(ours | {"repeats": repeats}, vectors),
        "semhash": theirs if "unavailable" in theirs else _judged(theirs, vectors),
    }
    return figures | _reworded()


def _judged(found: dict[str, Any], vectors: np.ndarray) -> dict[str, Any]:
    """Return the figures of a tool.

    A violation is a row that is out without a kept row among those it names, or with all of them below the
    bound. Missed is a kept row that an earlier kept row is alike to.
    """
    repeats = found.pop("repeats")
    out = {row for row, _ in repeats}
    violations = sum(
        1 for row, named in repeats
        if not any(one not in out and float(vectors[row] @ vectors[one]) >= BOUND - 1e-4 for one in named)
    )  # fmt: skip
    kept = np.array([row for row in range(len(vectors)) if row not in out])
    missed = 0
    for start in range(0, kept.size, 2_000):
        block = vectors[kept[start : start + 2_000]] @ vectors[kept].T
        earlier = np.arange(kept.size)[None, :] < np.arange(start, start + block.shape[0])[:, None]
        missed += int(((block >= BOUND) & earlier).any(1).sum())
    return found | {
        "cpu_s": round(found["cpu_s"], 2),
        "rows_per_cpu_s": round(found["rows"] / found["cpu_s"]),
        "dropped": len(out),
        "violations": violations,
        "missed": missed,
    }


def _texts() -> pl.Series:
    """Return distinct texts of at least two shingles, so that both tools go by vectors alone."""
    from tilth.curation.similarity.shingles import describe

    real = read_real("sft/sft_mix.jsonl.zst")
    if real is None:
        texts = sample_texts()
    else:
        said = real["messages"].list.eval(pl.element().struct.field("content").fill_null(""))
        texts = said.list.join("\n")
    texts = texts.unique(maintain_order=True)
    return texts.filter(describe(texts)["shingles"].list.len() > 1).head(TEXTS)


def _reworded() -> dict[str, Any]:
    """Return, at each bound, the share of reworded problems found, and of other problems taken for one."""
    from tilth.curation.similarity import features, lexical

    items, pool = (read_real(f"contamination/gsm8k_{name}.jsonl.zst") for name in ("eval", "train_pool"))
    if items is None or pool is None:
        return {}
    pool = pool.filter(pl.col("kind").is_in(["rephrase", "none"]))
    texts = pl.concat([items["text"], pool["text"]])
    own = {key: i for i, key in enumerate(items["eval_id"])}
    is_reworded = (pool["kind"] == "rephrase").to_numpy()
    figures: dict[str, Any] = {}
    for name, vectors in (
        ("words", lexical.vectors(lexical.word_counts(texts)).astype(np.float32) / lexical.SCALE),
        ("svd", features.features(texts)),
    ):
        cosines = vectors[items.height :] @ vectors[: items.height].T
        mine = np.array(
            [cosines[i, own[key]] if key in own else 0.0 for i, key in enumerate(pool["eval_id"])]
        )
        figures[f"reworded_{name}"] = {
            str(bound): {
                "found": round(float((mine[is_reworded] >= bound).mean()), 3),
                "others": round(float((cosines[~is_reworded].max(1) >= bound).mean()), 4),
            }
            for bound in BOUNDS
        }
    return figures
