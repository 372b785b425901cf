"""Samples a real task: `python -m tilth.data.making.intents FOLDER` writes intents/ and the planted truth.

FOLDER is data/ of github.com/clinc/oos-eval at COMMIT (CLINC150, Larson et al. 2019, CC-BY-3.0). Rows come from its
train split, questions from its validation split; its test split is not read. What is changed: underscores of intents
became blanks, and WRONG of the rows bear another intent of their domain, so that there is something to find.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from random import Random

COMMIT = "828f8093932c8fe6ca7936c3d2e52903b1c523de"
SEED = 150
DOMAINS = ("banking", "credit_cards", "travel", "auto_and_commute")
INTENTS = 10  # of a domain
ROWS, QUESTIONS = 20, 5  # of an intent
WRONG = 0.1


def main() -> None:
    """Write rows, questions and the truth, always the same bytes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="data/ of a checkout of clinc/oos-eval")
    folder = parser.parse_args().folder
    published = json.loads((folder / "data_full.json").read_text(encoding="utf-8"))
    domains = json.loads((folder / "domains.json").read_text(encoding="utf-8"))
    rng = Random(SEED)
    chosen = {name: rng.sample(sorted(domains[name]), INTENTS) for name in DOMAINS}
    rows = _drawn(published["train"], chosen, ROWS, rng)
    questions = _drawn(published["val"], chosen, QUESTIONS, rng)
    wrong = sorted(rng.sample(range(len(rows)), round(WRONG * len(rows))))
    truth = []
    for place in wrong:
        row = rows[place]
        others = [_words(intent) for intent in chosen[row["domain"]] if _words(intent) != row["intent"]]
        truth.append({"line": place + 1, "intent": row["intent"]})
        row["intent"] = rng.choice(others)
    root = Path(__file__).resolve().parents[2]
    _write(root / "data" / "intents" / "messages.jsonl", rows)
    asked = [{"question": q["text"], "answer": q["intent"], "slice": q["domain"]} for q in questions]
    _write(root / "data" / "intents" / "questions.jsonl", asked)
    _write(root / "tests" / "data" / "planted_intents.jsonl", truth)


def _drawn(
    published: list[list[str]], chosen: dict[str, list[str]], count: int, rng: Random
) -> list[dict[str, str]]:
    """Return `count` messages of every intent, shuffled."""
    drawn = []
    for domain, intents in chosen.items():
        for intent in intents:
            texts = sorted({text for text, of in published if of == intent})
            drawn += [
                {"text": text, "intent": _words(intent), "domain": domain}
                for text in rng.sample(texts, count)
            ]
    rng.shuffle(drawn)
    return drawn


def _words(intent: str) -> str:
    return intent.replace("_", " ")


def _write(path: Path, rows: list[dict[str, str]] | list[dict[str, object]]) -> None:
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


if __name__ == "__main__":
    main()
