"""Prose statistics beside datatrove and dolma, and what they are worth as scores of answers."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl

from benchmarks.inputs.sample import read_real, sample_texts
from benchmarks.tools import peer
from benchmarks.tools.record import cpu_seconds
from tilth.curation.quality import statistics
from tilth.curation.rules.prose import Prose

POLARS = f"polars=={pl.__version__}"
DATATROVE = [
    "datatrove==0.10.1", "spacy==3.8.18", "nltk==3.10.4", "tldextract==5.4.0", "regex==2026.11.15", "ftfy==6.3.1",
    "fasteners==0.20", "numpy==2.4.6", POLARS,
]  # fmt: skip
DOLMA = ["dolma==1.2.1", POLARS]
PEER_DOCS, REPEATS = 400, 10
TOLERANCE = 1e-9
SETS = ("gopher_quality", "gopher_repetition", "c4", "fineweb")  # as the peer's script runs them


def measure() -> dict[str, Any]:
    """Return speed against the peers, the share of equal values and verdicts, and the AUC of each statistic."""
    texts = _documents()
    found = statistics(texts)
    many = pl.concat([texts] * REPEATS)
    ours = len(many) / cpu_seconds(lambda: statistics(many))
    with TemporaryDirectory() as folder:
        path, values = Path(folder) / "texts.parquet", Path(folder) / "values.json"
        texts.alias("text").to_frame().write_parquet(path)
        datatrove = peer.run("datatrove", DATATROVE, str(path), str(values))
        dolma = peer.run("dolma_taggers", DOLMA, str(path))
        theirs = json.loads(values.read_text(encoding="utf-8")) if values.exists() else []
    figures: dict[str, Any] = {
        "documents": len(texts),
        "mean_bytes": round(float(texts.str.len_bytes().mean() or 0)),  # type: ignore[arg-type]
        "docs_per_cpu_s": round(ours),
        "mb_per_cpu_s": round(ours * float(texts.str.len_bytes().mean() or 0) / 1e6, 1),  # type: ignore[arg-type]
        "dolma": dolma if "unavailable" in dolma else _speed(dolma, dolma["cpu_s"], ours),
        "datatrove": datatrove if "unavailable" in datatrove else _beside(datatrove, found, theirs, ours),
    }
    return figures | {"auc": _worth()}


def _documents() -> pl.Series:
    """Return English pages, else the bundled conversations' turns."""
    pages = read_real("near_dup/docs.jsonl.zst")
    if pages is None:
        return sample_texts().head(PEER_DOCS)
    return pages.filter(pl.col("lang") == "en")["text"].sample(PEER_DOCS, seed=0)


def _speed(peer_found: dict[str, Any], seconds: float, ours: float) -> dict[str, Any]:
    rate = peer_found["rows"] / seconds
    return {
        "version": peer_found["version"],
        "docs_per_cpu_s": round(rate, 1),
        "ours_is_times": round(ours / rate),
    }


def _beside(
    datatrove: dict[str, Any], found: pl.DataFrame, theirs: list[dict[str, float]], ours: float
) -> dict[str, Any]:
    """Return speed, equal values (given the same words) and, by filter, equal verdicts with either's words."""
    pairs = [
        (mine[name], value)
        for mine, of_text in zip(found.iter_rows(named=True), theirs)
        for name, value in of_text.items()
    ]
    equal = sum(a == b or (a is not None and abs(a - b) <= TOLERANCE) for a, b in pairs)
    passed = np.array([_passes(found, name) for name in SETS]).T
    return _speed(datatrove, datatrove["cpu_s"], ours) | {
        "with_our_words": _speed(datatrove, datatrove["words_cpu_s"], ours),
        "values_compared": len(pairs),
        "equal_values": round(equal / len(pairs), 6),
        "equal_verdicts_with_our_words": _agreement(passed, datatrove["passed_with_words"]),
        "equal_verdicts_with_spacy_words": _agreement(passed, datatrove["passed"]),
    }


def _passes(found: pl.DataFrame, name: str) -> np.ndarray:
    """Return which texts break no rule of a set."""
    kept = np.ones(len(found), bool)
    for rule in Prose(sets=(name,)).rules():  # type: ignore[arg-type]
        value = found[rule.measure]
        low = value < rule.low if rule.low is not None else pl.repeat(False, len(found), eager=True)
        high = value > rule.high if rule.high is not None else pl.repeat(False, len(found), eager=True)
        kept &= ~(low | high).fill_null(False).to_numpy()
    return kept


def _agreement(passed: np.ndarray, theirs: list[list[bool]]) -> dict[str, float]:
    return {
        name: round(float(share), 4) for name, share in zip(SETS, (passed == np.array(theirs)).mean(axis=0))
    }


def _worth() -> dict[str, Any]:
    """Return, by set of labelled answers, the AUC of each statistic as a score of a good answer.

    0.5 is chance; below it, less is better. Each domain is scored by itself.
    """
    solutions, dialogues = (
        read_real(f"quality/{n}.jsonl.zst") for n in ("gsm8k_solutions", "taskmaster_reward")
    )
    if solutions is None or dialogues is None:
        return {}
    good = dialogues["reward"] == 1
    # A turn is a text or a call of an API; a call is scored as it is written.
    said = dialogues["generation"].str.json_path_match("$.text").fill_null(dialogues["generation"])
    sets = {"gsm8k_solutions": (solutions["solution"], solutions["is_correct"])}
    for domain in dialogues["domain"].unique().sort():
        inside = dialogues["domain"] == domain
        sets[domain] = (said.filter(inside), good.filter(inside))
    return {name: _auc_by_column(text, label) for name, (text, label) in sets.items()}


def _auc_by_column(texts: pl.Series, good: pl.Series) -> dict[str, Any]:
    """Return rows, the share of good ones, and the AUC of each statistic that varies, furthest from 0.5 first."""
    from scipy.stats import rankdata

    found = statistics(texts).fill_null(0.0)
    positive = good.to_numpy()
    ups, downs = int(positive.sum()), int((~positive).sum())
    auc = {}
    for name in found.columns:
        if found[name].n_unique() > 1:
            ranks = rankdata(found[name].to_numpy())
            auc[name] = round(float((ranks[positive].sum() - ups * (ups + 1) / 2) / (ups * downs)), 3)
    ordered = dict(sorted(auc.items(), key=lambda item: -abs(item[1] - 0.5)))
    return {"rows": len(texts), "good": round(ups / len(texts), 3), "auc": ordered}
