"""A store with a first version and its child, made of rows whose decisions are given."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl

from tilth.shards.digest import row_id
from tilth.shards.publish import Draft
from tilth.shards.store import Store
from tilth.shards.tables import DECISIONS, FINDINGS, OCCURRENCES, ROWS, TURNS, conform
from tilth.shards.version import Version

REASONS = [
    ("drop", "truncated", "unclosed_fence"),
    ("drop", "dedup", "near_duplicate"),
    ("quarantine", "conflict", "conflicting_answers"),
    ("drop", "decontaminate", "ngram_overlap"),
]
SOURCES = ("tickets", "faq", "handbook", "tool logs")
PHASES = {
    "unicode": "rewrite",
    "truncated": "rules",
    "decontaminate": "decontaminate",
    "pushback": "pushback",
    "conflict": "conflict",
    "split": "split",
    "dedup": "dedup",
    "balance": "weigh",
}


def publish(
    root: Path, texts: list[str], *, seed: int = 0, names: tuple[str, ...] = SOURCES, **draft: Any
) -> Version:
    """Publish `texts` as one-turn chats under the name demo; `seed` decides who is dropped."""
    pick = random.Random(seed)
    rows, turns, occurrences, measures = [], [], [], []
    for number, text in enumerate(texts):
        source = names[number % len(names)]
        said = [{"role": "user", "text": text}, {"role": "assistant", "text": text[::-1]}]
        key = row_id("chat", said, None)
        fate = pick.choice(REASONS) if pick.random() < 0.2 else ("keep", None, None)
        kept = fate[0] == "keep"
        split = pick.choice(["train"] * 12 + ["feedback", "promotion", "promotion", "final"])
        rows.append(
            {
                "row_id": key, "shape": "chat", "source": source, "verdict": fate[0], "stage": fate[1],
                "reason": fate[2], "turn": None if kept else 1,
                **({"split": split, "fold": 3, "slice": source, "weight": 1_000_000} if kept else {}),
            }
        )  # fmt: skip
        turns += [{"row_id": key, "turn": i, **turn} for i, turn in enumerate(said)]
        for line in (number + 1, 100_000 + number)[: 1 + (number % 9 == 0)]:
            occurrences.append(
                {"source_path": f"{source}.jsonl", "source": source, "line": line, "row_id": key}
            )
        language = pick.choice(["en", "en", "de", "unknown"])
        measures.append(
            {
                "row_id": key,
                "language.language": language,
                "length.response_chars": float(pick.lognormvariate(5, 1)),
            }
        )
    occurrences += [
        {
            "source_path": f"{names[0]}.jsonl",
            "source": names[0],
            "line": 900_000 + i,
            "reader_reason": "invalid_json",
        }
        for i in range(1 + len(texts) // 50)
    ]
    for occurrence in occurrences:
        occurrence["file_digest"] = b"\0" * 32
    frame = pl.DataFrame(rows, infer_schema_length=None).sort("row_id")
    keys = pl.DataFrame(measures).sort("row_id").with_columns(turn=pl.lit(None, pl.UInt16))
    from tilth.shards.digest import text_digests

    all_turns = conform(pl.DataFrame(turns, infer_schema_length=None), TURNS).sort("row_id", "turn")
    bare = conform(frame, ROWS)
    digests = text_digests(bare, all_turns)
    store = Store.open(root)
    version, _ = store.publish(
        "demo",
        Draft(
            rows=bare.drop("text_digest").join(digests, on="row_id").select(ROWS.names()),
            decisions=conform(frame, DECISIONS),
            occurrences=conform(pl.DataFrame(occurrences, infer_schema_length=None), OCCURRENCES),
            measures=keys.select("row_id", "turn", pl.exclude("row_id", "turn")),
            turns=all_turns.lazy(),
            sources=["0" * 64],
            recipe_digest=f"{seed:064x}",
            **draft,
        ),
    )
    return version


def tags(version: Version) -> pl.DataFrame:
    """Return findings of a rule that only tags, over the first kept rows."""
    kept = version.decisions().filter(pl.col("verdict") == "keep").head(7)
    noted = kept.select("row_id").with_columns(
        verdict=pl.lit("keep"), stage=pl.lit("language"), reason=pl.lit("answer_in_other_language")
    )
    return conform(noted, FINDINGS)
