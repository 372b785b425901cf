"""Which rows the filters that open-instruct documents for its SFT mixtures would drop: OUR RESTATEMENT.

    python benchmarks/peers/open_instruct_rules.py ROWS.jsonl

open-instruct is a training repository and no package, so its row filters are written here anew from what its
scripts/data say they do: drop a conversation with an empty message; drop one in which an assistant names one of
a list of models or companies; drop one in which an assistant says it was made by, or is, a known provider; drop
one that states a date where its knowledge ends. ROWS: lines with id and messages.
"""

from __future__ import annotations

import json
import re
import sys
import time
from pathlib import Path
from typing import Any

NAMES = (
    "openai|open ai|chatgpt|chat gpt|gpt-3|gpt3|gpt 3|gpt-4|gpt4|gpt 4|gpt-3.5|gpt3.5|gpt 3.5|bingchat|bing chat"
    "|laion|open assistant|openassistant"
).replace(".", r"\.")
PROVIDERS = (
    "OpenAI|Open AI|Claude|Gemini|Qwen|DeepSeek|Anthropic|Meta AI|Meta's|ChatGPT|Cohere|Mistral AI|Mistral's|xAI"
    "|Perplexity"
)
MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
KEYWORD = re.compile(rf"\b({NAMES})\b", re.I)
IDENTITY = [
    re.compile(pattern, re.I)
    for pattern in (
        rf"\b(made|trained|developed|created) by\b[^.!?]{{0,100}}\b({PROVIDERS})\b",
        rf"\bI('?m| am)( called)? ({PROVIDERS})\b",
        rf"\b(as|I am) (an? )?(language model|AI model|assistant|chatbot|model)\b[^.!?]{{0,100}}\b({PROVIDERS})\b",
        rf"\b({PROVIDERS})('s)? (use-case )?(policy|policies|guidelines|terms)\b",
        r"\b(DeepSeek|Qwen|Alibaba Cloud)\b",
    )
]
CUTOFF = re.compile(
    rf"(as (of )?(my )?(last|latest) (update|knowledge)( was)? in|knowledge cutoff|last updated? in)"
    rf"\s+(({MONTHS})\s+)?\d{{4}}",
    re.I,
)


def main(path: Path) -> None:
    """Run the rules on every row and print the rows they do not keep."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    rules = {"empty": _is_empty, "keyword": _names, "identity": _has_identity, "cutoff": _has_cutoff}
    started = time.process_time()
    dropped = {name: [row["id"] for row in rows if rule(row["messages"])] for name, rule in rules.items()}
    cpu_s = round(time.process_time() - started, 2)
    dropped["all"] = sorted(set().union(*dropped.values()))
    print(json.dumps({"version": "our restatement", "rows": len(rows), "cpu_s": cpu_s, "dropped": dropped}))


def _is_empty(messages: list[dict[str, Any]]) -> bool:
    return any(not (turn.get("content") or "").strip() for turn in messages)


def _answers(messages: list[dict[str, Any]]) -> list[str]:
    return [turn.get("content") or "" for turn in messages if turn.get("role") == "assistant"]


def _names(messages: list[dict[str, Any]]) -> bool:
    return any(KEYWORD.search(text) for text in _answers(messages))


def _has_identity(messages: list[dict[str, Any]]) -> bool:
    return any(pattern.search(text) for text in _answers(messages) for pattern in IDENTITY)


def _has_cutoff(messages: list[dict[str, Any]]) -> bool:
    return any(CUTOFF.search(turn.get("content") or "") for turn in messages)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
