"""Which rows carry a wrong answer by evidence from outside themselves, where answers are few.

Three looks: each judges every row by the rows trusted so far, and the next trusts those that are likelier right than
wrong. A row never takes part in its own judgement, no weight is trained, and nothing is drawn at random: another
rounding, thread count or packing moves a probability by some 1e-4, and hardly a row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from tilth.training.monitors.left_out import MAX_ROWS, best_ridge, kernel, left_out_scores
from tilth.training.monitors.noise_model import NoiseModel, fit
from tilth.training.rows.text import Example

LOOKS = 3
MIN_ROWS = 60  # judged together
MIN_PER_ANSWER = 2  # an answer that stands once cannot be left out and still be known
MIN_MEAN_PER_ANSWER = 4.0
MAX_LONE = 0.2  # share of the rows whose answer stands nowhere else: more are answers of their own making
MIN_AGREEMENT = 0.5  # of the others' prediction with what stands there: a base below it cannot tell
MAX_NOISE = 0.4  # above it the others are not to be believed either


@dataclass(frozen=True)
class Outside:
    """What the other rows say of each row.

    wrong: probability that its answer is (rows,); precision: mean of `wrong` over the rows at least as likely wrong.
    proposed: row id of a row that bears the likeliest answer. probability: of that answer.
    """

    row_ids: list[bytes]
    wrong: np.ndarray
    precision: np.ndarray
    proposed: list[bytes]
    probability: np.ndarray
    rarity: np.ndarray  # how many rows bear the answer that stands there
    noise: float
    silence: str = ""  # why nobody is named

    def frame(self) -> pl.DataFrame:
        """Return row_id, wrong, precision, rarity, proposed_row and proposed_probability, one line a row."""
        return pl.DataFrame(
            {
                "row_id": pl.Series(self.row_ids, dtype=pl.Binary),
                "wrong": self.wrong,
                "precision": self.precision,
                "rarity": self.rarity,
                "proposed_row": pl.Series(self.proposed, dtype=pl.Binary),
                "proposed_probability": self.probability,
            }
        )


def closed(answers: Mapping[bytes, bytes]) -> list[bytes]:
    """Return the rows whose answers are few and stand often enough, in row id order; none where answers are open.

    answers: row id -> what is learned of it.
    """
    count: dict[bytes, int] = {}
    for answer in answers.values():
        count[answer] = count.get(answer, 0) + 1
    rows = [row for row in sorted(answers) if count[answers[row]] >= MIN_PER_ANSWER]
    kinds = len({answers[row] for row in rows})
    lone = 1 - len(rows) / max(1, len(answers))
    return rows if kinds > 1 and lone <= MAX_LONE and len(rows) >= MIN_MEAN_PER_ANSWER * kinds else []


def answers_of(examples: Sequence[Example]) -> dict[bytes, bytes]:
    """Return row id -> the ids of its answer, for rows that have exactly one."""
    found: dict[bytes, bytes] = {}
    several: set[bytes] = set()
    for example in examples:
        edges = np.flatnonzero(np.diff(example.is_label.astype(np.int8)) == 1)
        if len(edges) != 1 or example.is_label[0] or len(example.parts) != 1 or example.row_id in found:
            several.add(example.row_id)
        found[example.row_id] = example.input_ids[example.is_label].tobytes()
    return {row: answer for row, answer in found.items() if row not in several}


def judge(states: Mapping[bytes, np.ndarray], answers: Mapping[bytes, bytes]) -> Outside | None:
    """Judge the rows of few answers by each other; None where answers are open or rows too few.

    states: row id -> what the untuned base makes of its question, (width,). answers: row id -> what is learned.
    """
    rows = closed({row: answers[row] for row in states if row in answers})
    if len(rows) < MIN_ROWS:
        return None
    parts = [_block([rows[i] for i in block], states, answers) for block in _blocks(rows)]
    whole = parts[0] if len(parts) == 1 else _joined(parts)
    order = np.argsort(-whole.wrong, kind="stable")
    precision = np.empty(len(whole.wrong))
    precision[order] = np.cumsum(whole.wrong[order]) / np.arange(1, len(order) + 1)
    return Outside(**{**vars(whole), "precision": precision})


def _block(rows: list[bytes], states: Mapping[bytes, np.ndarray], answers: Mapping[bytes, bytes]) -> Outside:
    kinds = sorted({answers[row] for row in rows})
    code = {answer: i for i, answer in enumerate(kinds)}
    stands = np.array([code[answers[row]] for row in rows])
    alike = kernel(np.stack([states[row] for row in rows]).astype(np.float64))
    ridge = best_ridge(alike, stands)
    trusted = np.ones(len(rows), dtype=bool)
    for _ in range(LOOKS):
        scores = left_out_scores(alike, stands, trusted, ridge)
        model = fit(scores, stands)
        trusted = _trusted(model, stands)
    agreement = float((scores[trusted].argmax(1) == stands[trusted]).mean()) * float(trusted.mean())
    bearers = {kind: rows[i] for i, kind in reversed(list(enumerate(stands.tolist()))) if trusted[i]}
    bearers |= {
        kind: rows[i] for i, kind in reversed(list(enumerate(stands.tolist()))) if kind not in bearers
    }
    return Outside(
        row_ids=rows,
        wrong=model.wrong,
        precision=model.wrong,
        proposed=[bearers[kind] for kind in model.likeliest.tolist()],
        probability=model.probability,
        rarity=np.bincount(stands)[stands],
        noise=model.noise,
        silence=_silence(model, agreement),
    )


def _trusted(model: NoiseModel, stands: np.ndarray) -> np.ndarray:
    """Return the rows likelier right than wrong, and of every answer at least its two likeliest: none dies out."""
    trusted = model.wrong <= 0.5
    for kind in np.flatnonzero(np.bincount(stands[trusted], minlength=stands.max() + 1) < MIN_PER_ANSWER):
        mine = np.flatnonzero(stands == kind)
        trusted[mine[np.argsort(model.wrong[mine], kind="stable")[:MIN_PER_ANSWER]]] = True
    return trusted


def _silence(model: NoiseModel, agreement: float) -> str:
    if agreement < MIN_AGREEMENT:
        return (
            f"only {agreement:.0%} of the other rows' predictions are what stands there: the base cannot tell"
        )
    if model.noise > MAX_NOISE:
        return (
            f"{model.noise:.0%} of the answers would be wrong: then the others are not to be believed either"
        )
    return ""


def _blocks(rows: list[bytes]) -> list[list[int]]:
    """Deal the rows to blocks of at most MAX_ROWS, in turn: ids are digests, so that every block is a fair sample."""
    count = -(-len(rows) // MAX_ROWS)
    return [list(range(first, len(rows), count)) for first in range(count)]


def _joined(parts: list[Outside]) -> Outside:
    sizes = np.array([len(part.row_ids) for part in parts])
    arrays = ("wrong", "precision", "probability", "rarity")
    return Outside(
        row_ids=[row for part in parts for row in part.row_ids],
        proposed=[row for part in parts for row in part.proposed],
        noise=float(np.average([part.noise for part in parts], weights=sizes)),
        silence=next((part.silence for part in parts if part.silence), ""),
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in arrays},
    )
