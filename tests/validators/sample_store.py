"""A store with published versions of rows whose decisions are drawn by a seed."""

from __future__ import annotations

import random
from pathlib import Path

import polars as pl

from tests.drafts import lines_of
from tilth.shards.digest import row_id, text_digests
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
SPLITS = ("train",) * 12 + ("feedback", "promotion", "promotion", "final")
SOURCES = ("tickets", "faq", "handbook", "tool logs")
PHASES = {
    "unicode": "rewrite",
    "truncated": "rules",
    "decontaminate": "decontaminate",
    "conflict": "conflict",
}
PHASES |= {"split": "split", "dedup": "dedup", "balance": "weigh"}


def publish(
    root: Path,
    texts: list[str],
    *,
    seed: int = 0,
    names: tuple[str, ...] = SOURCES,
    splits: tuple[str, ...] = SPLITS,
) -> Version:
    """Publish `texts` as chats under the name demo: a fifth taken out, every ninth repeated, some unreadable."""
    pick = random.Random(seed)
    rows, turns, lines = [], [], []
    for number, text in enumerate(texts):
        source = names[number % len(names)]
        said = [{"role": "user", "text": text}, {"role": "assistant", "text": f"It is {number}: {text}"}]
        key = row_id("chat", said, None)
        rows.append({"row_id": key, "shape": "chat", "source": source, **_decision(pick, source, splits)})
        turns += [{"row_id": key, "turn": i, **turn} for i, turn in enumerate(said)]
        for line in (number + 1, 100_000 + number)[: 1 + (number % 9 == 0)]:
            lines.append({"source": source, "line": line, "row_id": key})
    unreadable = range(900_000, 900_001 + len(texts) // 50)
    lines += [{"source": names[0], "line": line, "reader_reason": "invalid_json"} for line in unreadable]
    places = [{**line, "source_path": f"{line['source']}.jsonl", "file_digest": bytes(32)} for line in lines]
    frame = pl.DataFrame(rows, infer_schema_length=None).sort("row_id")
    said_turns = conform(pl.DataFrame(turns, infer_schema_length=None), TURNS).sort("row_id", "turn")
    digests = text_digests(conform(frame, ROWS), said_turns)
    draft = Draft(
        rows=conform(frame.join(digests, on="row_id"), ROWS),
        decisions=conform(frame, DECISIONS),
        occurrences=conform(pl.DataFrame(places, infer_schema_length=None), OCCURRENCES),
        measures=lines_of(frame.select("row_id", "^.*[.].*$").with_columns(turn=pl.lit(None, pl.UInt16))),
        turns=lines_of(said_turns),
        sources=["0" * 64],
        recipe_digest=f"{seed:064x}",
    )
    return Store.open(root).publish("demo", draft)[0]


def _decision(pick: random.Random, source: str, splits: tuple[str, ...]) -> dict[str, object]:
    verdict, stage, reason = pick.choice(REASONS) if pick.random() < 0.2 else ("keep", None, None)
    decision: dict[str, object] = {
        "verdict": verdict,
        "stage": stage,
        "reason": reason,
        "language.language": pick.choice(["en", "en", "de"]),
        "length.response_chars": round(pick.lognormvariate(5, 1), 3),
    }
    if verdict == "keep":
        split = pick.choice(splits)
        return {**decision, "split": split, "fold": 3, "slice": source, "weight": 1_000_000}
    return {**decision, "turn": 0}


def tags(version: Version) -> pl.DataFrame:
    """Return findings of a rule that only tags, over seven kept rows, one of them twice."""
    kept = version.decisions().filter(pl.col("verdict") == "keep").head(7).select("row_id")
    noted = pl.concat([kept, kept.head(1)]).with_columns(
        verdict=pl.lit("keep"), stage=pl.lit("language"), reason=pl.lit("answer_in_other_language")
    )
    return conform(noted, FINDINGS)
