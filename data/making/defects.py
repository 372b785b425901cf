"""The planted defects: what goes wrong in real sources, at known places.

Defects in place change a row that was clean; added ones (copies, leaks, conflicts) are new rows. No row has
two defects.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from tilth.data.making.distinct import jaccard, shingles
from tilth.data.making.private import KINDS, private
from tilth.data.making.tasks import RULE_SLICES, Row, assistant, user

WRONG_ANSWER_RATE = 0.12  # of the rows of RULE_SLICES
COUNTS = {
    "wrong_language": 80,
    "truncated": 75,
    "template": 60,
    "pii": 100,
    "roles": 30,
    "empty": 24,
    "echo": 24,
    "exact_copy": 150,  # rows repeated once
    "exact_copy_many": 12,  # rows repeated MANY_COPIES times
    "near_copy": 200,
    "conflict": 30,
    "contamination": 40,
    "contamination_edited": 20,
}
MANY_COPIES = 8
NEAR_COPY_JACCARD = 0.85
_TAILS = {"en": "thanks", "de": "danke", "fr": "merci", "es": "gracias"}


@dataclass(frozen=True, eq=False)
class Placed:
    """A row on its way into a source, with what was planted in it. Identity, not value, tells rows apart."""

    row: Row
    kind: str | None = None
    truth: dict[str, Any] = field(default_factory=dict)
    of: Placed | None = None  # the row that this one repeats


def plant(rows: Sequence[Row], held_out: Sequence[Row], rng: Random) -> list[Placed]:
    """Return all rows, the clean ones and those with a planted defect, in the order of a shuffled file."""
    placed = [_wrong_rule(row) if row.wrong_rule else Placed(row) for row in rows]
    _wrong_answers(placed, rng)
    for kind, fits, change in _IN_PLACE:
        _in_place(placed, kind, fits, change, rng)
    placed += _copies(placed, rng)
    placed += _near_copies(placed, rng)
    placed += _conflicts(placed, rng)
    placed += _contamination(held_out, rng)
    rng.shuffle(placed)
    return placed


def _with_answer(row: Row, answer: str) -> Row:
    return replace(row, turns=(*row.turns[:-1], assistant(answer)))


def _wrong_rule(row: Row) -> Placed:
    assert row.wrong_rule is not None
    return Placed(_with_answer(row, row.wrong_rule), "wrong_rule", {"right": row.answer})


def _wrong_answers(placed: list[Placed], rng: Random) -> None:
    for name in RULE_SLICES:
        of_slice = [i for i, p in enumerate(placed) if p.row.slice == name]
        free = [i for i in of_slice if placed[i].kind is None]
        for i in rng.sample(free, round(WRONG_ANSWER_RATE * len(of_slice))):
            row = placed[i].row
            placed[i] = Placed(
                _with_answer(row, rng.choice(row.wrong)), "wrong_answer", {"right": row.answer}
            )


Change = Callable[[Row, int, Random], tuple[Row, dict[str, Any]]]


def _in_place(
    placed: list[Placed], kind: str, fits: Callable[[Row], bool], change: Change, rng: Random
) -> None:
    free = [i for i, p in enumerate(placed) if p.kind is None and fits(p.row)]
    for n, i in enumerate(rng.sample(free, COUNTS[kind])):
        row, truth = change(placed[i].row, n, rng)
        placed[i] = Placed(row, kind, truth)


def _foreign(row: Row, n: int, rng: Random) -> tuple[Row, dict[str, Any]]:
    assert row.foreign is not None
    return _with_answer(row, row.foreign), {"right": row.answer}


def _truncate(row: Row, n: int, rng: Random) -> tuple[Row, dict[str, Any]]:
    """Cut within a word; in two of three rows the answer had opened a fence or an object."""
    cut = row.answer[: len(row.answer) * 2 // 3].rstrip(" .,")
    variant = ("cut", "fence", "object")[n % 3]
    answer = {"cut": cut, "fence": f"```\n{cut}", "object": f'{{"text": "{cut}'}[variant]
    return _with_answer(row, answer), {"variant": variant, "right": row.answer}


def _leak_template(row: Row, n: int, rng: Random) -> tuple[Row, dict[str, Any]]:
    mark, before = (
        ("### Response:", True),
        ("<|im_start|>assistant", True),
        ("<|im_end|>", False),
        ("### Instruction:", False),
        ("[INST]", False),
    )[n % 5]
    answer = f"{mark}\n{row.answer}" if before else f"{row.answer}\n{mark}"
    return _with_answer(row, answer), {"mark": mark}


def _reveal(row: Row, n: int, rng: Random) -> tuple[Row, dict[str, Any]]:
    kind = KINDS[n % len(KINDS)]
    value, sentence = private(rng, kind, row.lang, rng.choice(("ana", "piet", "mara", "jonas", "vera")))
    first = row.turns[0]
    turns = ({**first, "content": f"{first['content']} {sentence}"}, *row.turns[1:])
    return replace(row, turns=turns), {"type": kind, "value": value}


def _break_roles(row: Row, n: int, rng: Random) -> tuple[Row, dict[str, Any]]:
    variant = ("assistant_first", "two_users", "orphan_tool")[n % 3]
    turns = {
        "assistant_first": row.turns[1:],
        "two_users": (row.turns[0], *row.turns[2:]),
        "orphan_tool": (
            row.turns[0],
            {"role": "tool", "tool_call_id": "call_9", "content": '{"ok": true}'},
            *row.turns[1:],
        ),
    }[variant]
    return replace(row, turns=turns), {"variant": variant}


def _empty(row: Row, n: int, rng: Random) -> tuple[Row, dict[str, Any]]:
    return _with_answer(row, ("", "   ", "\n")[n % 3]), {"right": row.answer}


def _echo(row: Row, n: int, rng: Random) -> tuple[Row, dict[str, Any]]:
    return _with_answer(row, row.prompt), {"right": row.answer}


def _is_question(row: Row) -> bool:
    return row.instruction is None and len(row.turns) == 2 and not row.tools and row.slice != "returns"


_IN_PLACE: tuple[tuple[str, Callable[[Row], bool], Change], ...] = (
    ("wrong_language", lambda row: row.foreign is not None, _foreign),
    ("truncated", lambda row: row.slice == "polite", _truncate),
    ("template", _is_question, _leak_template),
    ("pii", lambda row: row.slice in ("polite", "chat", "extraction"), _reveal),
    ("roles", lambda row: row.slice == "chat", _break_roles),
    ("empty", _is_question, _empty),
    ("echo", _is_question, _echo),
)


def _clean(placed: Sequence[Placed]) -> list[Placed]:
    return [p for p in placed if p.kind is None and p.row.slice != "returns"]


def _copies(placed: Sequence[Placed], rng: Random) -> list[Placed]:
    once, many = COUNTS["exact_copy"], COUNTS["exact_copy_many"]
    chosen = rng.sample(_clean(placed), once + many)
    repeated = chosen[:once] + [p for p in chosen[once:] for _ in range(MANY_COPIES)]
    return [Placed(p.row, "exact_copy", of=p) for p in repeated]


def _near_copies(placed: Sequence[Placed], rng: Random) -> list[Placed]:
    """Repeat rows with a word added at the end of the prompt, or the first word left out."""
    made: list[Placed] = []
    candidates = [p for p in _clean(placed) if len(p.row.turns) == 2]
    for original in rng.sample(candidates, len(candidates)):
        row = original.row
        text = row.turns[0]["content"]
        start, _, rest = text.partition(" ")
        edited = (
            f"{text} {_TAILS[row.lang].capitalize()}!",
            f"{rest[:1].upper()}{rest[1:]}",
            f"{start} {rest} {_TAILS[row.lang]} {_TAILS[row.lang]}",
        )[len(made) % 3]
        copy = replace(row, turns=(user(edited), *row.turns[1:]))
        similarity = jaccard(shingles(row.prompt, 5), shingles(copy.prompt, 5))
        if similarity >= NEAR_COPY_JACCARD:
            made.append(Placed(copy, "near_copy", {"jaccard": round(similarity, 3)}, of=original))
        if len(made) == COUNTS["near_copy"]:
            break
    return made


def _conflicts(placed: Sequence[Placed], rng: Random) -> list[Placed]:
    """Repeat prompts that have one right answer with a wrong one."""
    chosen = rng.sample([p for p in _clean(placed) if p.row.wrong], COUNTS["conflict"])
    return [
        Placed(_with_answer(p.row, rng.choice(p.row.wrong)), "conflict", {"right": p.row.answer}, of=p)
        for p in chosen
    ]


def _contamination(held_out: Sequence[Row], rng: Random) -> list[Placed]:
    """Put held-out questions with their answers among the rows, some with a word before and after."""
    verbatim, edited = COUNTS["contamination"], COUNTS["contamination_edited"]
    items = [i for i, row in enumerate(held_out) if row.instruction is None]
    made = []
    for n, i in enumerate(rng.sample(items, verbatim + edited)):
        row, variant = held_out[i], "verbatim" if n < verbatim else "edited"
        if variant == "edited":
            text = f"{_TAILS[row.lang].capitalize()}: {row.turns[0]['content']} {_TAILS[row.lang]}"
            row = replace(row, turns=(user(text), *row.turns[1:]))
        made.append(Placed(row, "contamination", {"variant": variant, "item": i}))
    return made
