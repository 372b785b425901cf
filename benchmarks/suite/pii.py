"""Personal data: speed on real rows, recall and precision on the labelled set, beside dolma and datatrove."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks.inputs import pii_held_out
from benchmarks.inputs.pii_cases import cases
from benchmarks.inputs.sample import read_real, sample_texts
from benchmarks.tools import peer
from benchmarks.tools.record import cpu_seconds
from tilth.curation.pii import KINDS, find

POLARS = "polars==2.1.0"
# s3fs and boto3 as dolma resolves to: without them pip looks for minutes.
DOLMA = ["dolma==1.2.1", POLARS, "s3fs==2023.6.0", "boto3==1.28.17"]
PEERS = {"dolma_pii": DOLMA, "datatrove_pii": ["datatrove==0.10.1", POLARS, "regex==2026.11.15"]}
PEER_ROWS, PEER_PAGES = 5_000, 400
LONG_BYTES = 50_000
# Each keeps one peer's pattern for addresses busy; ours are linear on both.
LONG = {"letters": "a" * LONG_BYTES + " @", "dotted": "a." * (LONG_BYTES // 2) + "@"}

Spans = list[list[tuple[str, int, int]]]


def measure() -> dict[str, Any]:
    """Return texts a CPU-second of turns and of pages, and recall and precision by kind on the labelled set.

    `held_out` is the second labelled set, against which no pattern was written. A hit counts if kind and place
    overlap; `exact_recall` asks for the very span. Peers, and `of_few`, are measured on PEER_ROWS of the turns and
    PEER_PAGES of the pages.
    """
    turns, pages, labelled = _turns(), _pages(), cases()
    few = turns.sample(min(PEER_ROWS, len(turns)), seed=0)
    find(turns.head(10))
    held_out = pii_held_out.cases()
    found = _found(labelled)
    with TemporaryDirectory() as folder:
        held = {
            "turns": few,
            "pages": pages,
            "cases": labelled["text"],
            "long": pl.Series(list(LONG.values())),
        }
        for name, texts in held.items():
            texts.alias("text").to_frame().write_parquet(Path(folder) / f"{name}.parquet")
        peers = {name: _peer(name, Path(folder), labelled) for name in PEERS}
    return {
        "texts": {"turns": _size(turns), "pages": _size(pages), "cases": labelled.height},
        "ours": {
            "turns_per_cpu_s": _rate(turns),
            "turns_per_cpu_s_of_few": _rate(few),
            "pages_per_cpu_s": _rate(pages),
            "long_s": [round(cpu_seconds(lambda t=t: find(pl.Series([t]))), 2) for t in LONG.values()],  # type: ignore[misc]
            **_quality(labelled, found),
            "exact_recall": _exact(labelled, found),
            "missed_forms": _missed(labelled, found),
            "held_out": {
                **_quality(held_out, on_held_out := _found(held_out)),
                "missed_forms": _missed(held_out, on_held_out),
            },
        },
        **peers,
    }


def _found(labelled: pl.DataFrame) -> Spans:
    found: Spans = [[] for _ in range(labelled.height)]
    for index, kind, start, end in find(labelled["text"]).rows():
        found[index].append((kind, start, end))
    return found


def _turns() -> pl.Series:
    """Return the turns of the real mix, else those of the bundled conversations."""
    mix = read_real("sft/sft_mix.jsonl.zst")
    if mix is None:
        return sample_texts()
    return mix.explode("messages")["messages"].struct.field("content").drop_nulls()


def _pages() -> pl.Series:
    """Return English pages, else the bundled conversations' turns."""
    pages = read_real("near_dup/docs.jsonl.zst")
    if pages is None:
        return sample_texts().head(PEER_PAGES)
    return pages.filter(pl.col("lang") == "en")["text"].sample(PEER_PAGES, seed=0)


def _size(texts: pl.Series) -> str:
    return f"{len(texts):,} of {texts.str.len_bytes().mean():,.0f} bytes"


def _rate(texts: pl.Series) -> int:
    return round(len(texts) / cpu_seconds(lambda: find(texts)))


def _peer(name: str, folder: Path, labelled: pl.DataFrame) -> dict[str, Any]:
    cases_path, long, spans = (str(folder / held) for held in ("cases.parquet", "long.parquet", "spans.json"))
    figures = peer.run(name, PEERS[name], str(folder / "turns.parquet"), cases_path, long, spans)
    if "unavailable" in figures:
        return figures
    found = [
        [(kind, start, end) for kind, start, end in hits] for hits in json.loads(Path(spans).read_bytes())
    ]
    on_pages = peer.run(name, PEERS[name], str(folder / "pages.parquet"), cases_path, long, spans)
    return {
        "version": figures["version"],
        "turns_per_cpu_s": round(figures["rows"] / figures["cpu_s"]),
        "pages_per_cpu_s": round(on_pages["rows"] / on_pages["cpu_s"]),
        "long_s": figures["long_s"],
    } | _quality(labelled, found)


def _quality(labelled: pl.DataFrame, found: Spans) -> dict[str, Any]:
    """Return recall of each kind, and its precision over all cases."""
    recall, precision = {}, {}
    for kind in KINDS:
        held = [(case, hits) for case, hits in zip(labelled.rows(named=True), found) if case["kind"] == kind]
        caught = sum(any(_meets(case, hit) for hit in hits) for case, hits in held)
        right = sum(_meets(case, hit) for case, hits in held for hit in hits)
        said = sum(hit[0] == kind for hits in found for hit in hits)
        recall[kind] = round(caught / len(held), 4) if held else None
        precision[kind] = round(right / said, 4) if said else None
    clean = [hits for case, hits in zip(labelled.rows(named=True), found) if case["kind"] is None]
    alarms = sum(map(bool, clean)) / len(clean)
    return {"recall": recall, "precision": precision, "lookalikes_hit": round(alarms, 4)}


def _meets(case: dict[str, Any], hit: tuple[str, int, int]) -> bool:
    kind, start, end = hit
    return bool(kind == case["kind"] and start < case["end"] and case["start"] < end)


def _exact(labelled: pl.DataFrame, found: Spans) -> float:
    held = [(c, hits) for c, hits in zip(labelled.rows(named=True), found) if c["kind"] is not None]
    return round(sum((c["kind"], c["start"], c["end"]) in hits for c, hits in held) / len(held), 4)


def _missed(labelled: pl.DataFrame, found: Spans) -> dict[str, float]:
    """Return the share missed of each form of which any is."""
    lost = [not any(_meets(c, h) for h in hits) for c, hits in zip(labelled.rows(named=True), found)]
    shares = labelled.with_columns(lost=pl.Series(lost)).filter(pl.col("kind").is_not_null())
    by_form = shares.group_by("form").agg(pl.col("lost").mean()).filter(pl.col("lost") > 0).sort("form")
    return {form: round(share, 4) for form, share in by_form.rows()}
