"""Answers in another language than the question: how many are seen, by pair, and how many are wrongly said to be.

The made rows are lingua's sentences: a question of two, an answer of one or of three, in the same language or not.
"""

from __future__ import annotations

from typing import Any

import polars as pl

from benchmarks.inputs.sample import read_real
from benchmarks.tools.fit_language import halves
from tilth.curation.rules.language import Language

PAIRS = (
    ("en", "de"), ("fr", "en"), ("es", "pt"), ("pt", "es"), ("es", "ca"), ("cs", "sk"), ("hr", "sl"), ("bg", "mk"),
    ("da", "no"), ("af", "nl"), ("ru", "uk"),
)  # fmt: skip
ROWS, QUESTION, ANSWERS = 150, 2, (1, 3)


def answers_in_another_language() -> dict[str, Any]:
    """Return the share that is seen by pair and length, and the share wrongly seen: made rows, real rows."""
    _, sentences = halves("sentences")
    of = {code: sentences.filter(pl.col("lang") == code)["text"].to_list() for pair in PAIRS for code in pair}
    seen, wrongly = {}, {}
    for length in ANSWERS:
        said = f"answer_of_{length}"
        seen[said] = {f"{a}-{b}": _tagged(of[a], of[b], length) for a, b in PAIRS}
        wrongly[said] = {code: _tagged(texts, texts, length) for code, texts in of.items()}
    return {"mismatch_seen": seen, "mismatch_wrongly_seen": wrongly, "mismatch_on_real_rows": _on_real_rows()}


def _tagged(questions: list[str], answers: list[str], length: int) -> float:
    rows = [
        (
            "\n".join(_cut(questions, i * QUESTION, QUESTION)),
            "\n".join(_cut(answers, i * length + len(answers) // 2, length)),
        )
        for i in range(ROWS)
    ]
    return round(float(Language().measure(_turns(rows))["mismatch"].mean() or 0.0), 4)  # type: ignore[arg-type]


def _cut(texts: list[str], start: int, count: int) -> list[str]:
    return [texts[(start + i) % len(texts)] for i in range(count)]


def _turns(rows: list[tuple[str, str]]) -> pl.DataFrame:
    """Return the columns that the stage reads, two turns a row."""
    turns = [
        (index.to_bytes(16, "big"), number, role, text)
        for index, row in enumerate(rows)
        for number, (role, text) in enumerate(zip(("user", "assistant"), row))
    ]
    schema = {"row_id": pl.Binary, "turn": pl.UInt16, "role": pl.String, "text": pl.String}
    return pl.DataFrame(turns, schema=schema, orient="row")


def _on_real_rows() -> dict[str, Any]:
    """Return rows, tagged rows and their ids, of the mix of real sources, in which hardly any answer is foreign."""
    mix = read_real("sft/sft_mix.jsonl.zst")
    assert mix is not None
    content = pl.element().struct.field("content")
    by_role = {
        role: pl.col("messages")
        .list.eval(content.filter(pl.element().struct.field("role") == role))
        .list.join("\n")
        for role in ("user", "assistant")
    }
    rows = mix.select("id", **by_role)
    tagged = Language().measure(_turns(rows.select("user", "assistant").rows()))["mismatch"] == 1.0
    return {"rows": len(rows), "tagged": int(tagged.sum()), "ids": rows["id"].filter(tagged).to_list()}
