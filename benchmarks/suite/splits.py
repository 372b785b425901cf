"""Held-out shares: what was asked for, what was got and what leaked, on sets whose prompts have much in common.

`asked` and `got` are the held-out rows among the kept ones, in points of a hundred; `same` counts held-out rows whose
first prompt a train row has as well, `near` those whose whole prompt has a Jaccard similarity of .8 or more of
word 5-grams with that of a train row (by the brute force of sets).
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import polars as pl

from benchmarks.inputs.sample import read_real

Row = dict[str, Any]
INSTRUCTION = (
    "Read the ticket of a customer below and say which team should handle it. Reply with a single word."
)
LONG = " ".join(
    f"Rule {i}: a ticket that speaks of {a} and of {b} goes to team {c}, unless it is older than {i} days."
    for i, (a, b, c) in enumerate(
        [
            ("mail", "rain", "A"),
            ("doors", "cold", "B"),
            ("lamps", "dust", "C"),
            ("keys", "ice", "D"),
            ("roofs", "fog", "E"),
        ]
    )
)
GREETINGS = ("Hi", "Hello", "Hey there", "Good morning", "Good evening to you", "Hi, can you help me please?",
             "Hello, I have a question about an order.", "Is anybody there?")  # fmt: skip
THINGS = (
    "olive",
    "reed",
    "amber",
    "slate",
    "birch",
    "hazel",
    "umber",
    "sage",
    "willow",
    "cedar",
    "nettle",
    "moss",
)
STATES = ("broken", "late", "open", "empty", "wet", "torn", "twice", "never")
NAMES = ("Anna", "Ben", "Cleo", "Dan", "Eva", "Finn", "Gina", "Hal")


def ticket(rng: random.Random, i: int) -> str:
    """Return the words of one ticket."""
    return f"My {rng.choice(THINGS)} parcel {rng.randrange(90_000)} came {rng.choice(STATES)} in {rng.choice(THINGS)}."


def single(prompt: str, answer: str, system: str | None = None) -> Row:
    """Return a chat of one exchange."""
    first = [{"role": "system", "content": system}] if system else []
    return {
        "messages": [*first, {"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    }


def greeted(rng: random.Random, i: int) -> Row:
    """Return a chat that opens with a greeting and asks in the second turn."""
    opening = single(rng.choice(GREETINGS), "Hello, this is the parcel desk. How can I help you?")["messages"]
    return {
        "messages": opening + single(ticket(rng, i), f"It waits in {rng.choice(THINGS)} {i}.")["messages"]
    }


def problem(rng: random.Random, i: int) -> Row:
    """Return a word problem of one of three templates."""
    name, thing = rng.choice(NAMES), rng.choice(("apples", "pens", "coins"))
    a, b, c = (rng.randrange(2, 99) for _ in range(3))
    asked = (
        f"{name} has {a} {thing}. She buys {b} more {thing} at the market and gives {c} of them to a friend. "
        f"How many {thing} does she have left at the end of the day?",
        f"A box holds {a} {thing} and there are {b} boxes on the shelf of the shop. {name} takes {c} {thing} home. "
        "How many are still in the shop when it closes?",
        f"{name} walks {a} minutes to school and {b} minutes back every day of the week. How many minutes is that "
        f"in {c} weeks if every week has five days of school?",
    )[i % 3]
    return single(asked, str(a * b - c))


def sets() -> Iterator[tuple[str, list[Row]]]:
    """Yield the name and the rows of every set; those of real rows only where they are at hand."""
    makers: dict[str, tuple[int, Callable[[random.Random, int], Row]]] = {
        "one instruction": (1200, lambda r, i: single(f"{INSTRUCTION}\n\n{ticket(r, i)}", r.choice(STATES))),
        "one long instruction": (1200, lambda r, i: single(f"{LONG} Ticket: {ticket(r, i)}", r.choice(STATES))),
        "the instruction last": (1200, lambda r, i: single(f"{ticket(r, i)} {INSTRUCTION}", r.choice(STATES))),
        "eight greetings": (1200, greeted),
        "one system prompt": (1200, lambda r, i: single(ticket(r, i), f"Noted {i}.", system=INSTRUCTION)),
        "word problems": (1500, problem),
        "60 rows": (60, lambda r, i: single(f"What is in room {i * 7} of the {r.choice(THINGS)} house?", f"Box {i}.")),
        "60 rows, one instruction": (60, lambda r, i: single(f"{INSTRUCTION}\n\n{ticket(r, i)}", r.choice(STATES))),
        "300 plain rows": (300, lambda r, i: single(f"{r.choice(THINGS)} {i}, {i % 7} {r.random()}", f"{i}")),
    }  # fmt: skip
    for name, (rows, make) in makers.items():
        rng = random.Random(name)
        yield name, [make(rng, i) for i in range(rows)]
    real = read_real("sft/sft_mix.jsonl.zst")
    if real is not None:
        for source in ("xquad", "gpteacher_toolformer", "taskmaster4", "gsm8k_train"):
            rows = real.filter(pl.col("source") == source)
            yield source, rows.select("messages").to_dicts()
            if source == "xquad":
                yield "xquad, English", rows.filter(pl.col("lang") == "en").select("messages").to_dicts()


def measure() -> dict[str, Any]:
    """Return what every set asked for, got and leaked."""
    return {name: figures(rows) for name, rows in sets()}


def figures(rows: list[Row], section: dict[str, Any] | None = None) -> dict[str, Any]:
    """Curate rows with the defaults in a new store; count what is held out and what leaks."""
    from tilth.curation.curate import Request, curate
    from tilth.curation.reading.source import Source
    from tilth.curation.recipe import parse
    from tilth.shards.store import Store
    from tilth.validators.recipe import Checks

    with TemporaryDirectory() as folder:
        path = Path(folder) / "rows.jsonl"
        path.write_text("\n".join(json.dumps({**row, "n": i}) for i, row in enumerate(rows)), "utf-8")
        recipe = parse({"conflict": None, "language": None, **(section or {})}, Path(folder))
        request = Request("splits", (Source(path=str(path)),), recipe, Checks(), Path(folder))
        version = curate(request, Store.open(Path(folder) / "store")).version
        kept = version.decisions().filter(pl.col("verdict") == "keep").select("row_id", "split")
        turns = (
            version.turns(kept["row_id"]).with_columns(pl.col("role").cast(pl.String)).sort("row_id", "turn")
        )
    asks = turns.filter(pl.col("role") == "user").group_by("row_id", maintain_order=True).agg(
        first=pl.col("text").first(), whole=pl.col("text").str.join("\n")
    )  # fmt: skip
    train, held = (
        kept.join(asks, on="row_id").filter((pl.col("split").cast(pl.String) == "train") == is_train)
        for is_train in (True, False)
    )
    return {
        "rows": len(rows),
        "kept": kept.height,
        "asked": 6.0,
        "got": round(100 * held.height / max(1, kept.height), 2),
        "same": held.join(train.select("whole").unique(), on="whole", how="semi").height,
        "near": sum(near(text, train["whole"]) for text in held["whole"]),
    }


def near(text: str, others: pl.Series) -> bool:
    """Return whether one of the others has a Jaccard similarity of .8 or more to `text`."""
    one = grams(text)
    return any(
        0.8 <= len(one) / len(other) <= 1.25 and len(one & other) >= 0.8 * len(one | other)
        for other in (_GRAMS.setdefault(o, grams(o)) for o in others)
    )


_GRAMS: dict[str, frozenset[tuple[str, ...]]] = {}


def grams(text: str) -> frozenset[tuple[str, ...]]:
    """Return the word 5-grams of a text; a short one is one by itself."""
    words = text.lower().split()
    return frozenset(zip(*(words[i:] for i in range(5)))) or frozenset([tuple(words)])
