"""Splits on sets whose prompts have much in common: what was asked is held out, and no row changes its side."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import polars as pl
import pytest

from tests.row_frames import make_rows
from tilth.curation.dedup.near import Dedup
from tilth.curation.dedup.split import Splits
from tilth.curation.dedup.split_family import SplitFamily, best_salt, miss_of
from tilth.curation.run.texts import HeldTexts
from tilth.shards.errors import StoreError
from tilth.shards.tables import TURNS, conform

INSTRUCTION = "Read the ticket of a customer below and say which team should handle it in a single word."
LONG = " ".join(f"Rule {i} of the desk says that team {i} takes what is about thing{i}." for i in range(20))


def ticket(rng: random.Random) -> str:
    return f"My {rng.choice('abcdefgh') * 3} parcel {rng.randrange(90_000)} came {rng.choice('stuvw') * 4} today."


def frame_of(pairs: list[tuple[str, str]], **columns: list[str | None]) -> tuple[pl.DataFrame, object]:
    frame, texts = make_rows(pairs, **columns)
    return frame.with_columns(text_digest=pl.col("row_id")), texts


def tickets(n: int, instruction: str = INSTRUCTION) -> list[tuple[str, str]]:
    rng = random.Random(n)
    return [(f"{instruction} {ticket(rng)}", rng.choice(("billing", "returns"))) for _ in range(n)]


def problems(n: int) -> list[tuple[str, str]]:
    rng = random.Random(n)
    names = ("Anna", "Ben", "Cleo", "Dan")
    return [
        (
            f"{rng.choice(names)} has {rng.randrange(2, 99)} apples and buys {rng.randrange(2, 99)} more of them at "
            f"the market, then gives {rng.randrange(2, 99)} to a friend. How many are left at the end of the day?",
            str(i),
        )
        for i in range(n)
    ]


def shares(stage: Splits, pairs: list[tuple[str, str]]) -> dict[str, float]:
    frame, texts = frame_of(pairs)
    evidence = stage.evidence(frame, texts)
    found = stage.decide_in(stage.fit(frame, evidence), frame, evidence)
    return {str(name): n / frame.height for name, n in found["split"].value_counts().iter_rows()}


@pytest.mark.parametrize(
    "pairs",
    [
        tickets(1200),
        tickets(1200, LONG),
        [(f"{text.removeprefix(INSTRUCTION)} {INSTRUCTION}", said) for text, said in tickets(1200)],
        problems(1500),
        tickets(60),
        [(f"What is kept in room {i}?", f"box {i}") for i in range(60)],
        [(f"What is kept in room {i}?", f"box {i}") for i in range(300)],
    ],
)
def test_what_was_asked_is_held_out_within_a_point(pairs: list[tuple[str, str]]) -> None:
    found = shares(Splits(), pairs)
    assert found["final"] == pytest.approx(0.02, abs=0.0101)
    assert found["feedback"] == pytest.approx(0.04, abs=0.0101)
    assert 1 - found["train"] == pytest.approx(0.06, abs=0.0101)


def test_a_set_that_a_plain_hash_serves_has_the_plain_family() -> None:
    frame, texts = frame_of([(f"question number {i} about parcel {i * 7}", "yes") for i in range(5000)])
    assert Splits().fit(frame, Splits().evidence(frame, texts)) == SplitFamily()


def test_in_a_family_a_row_keeps_its_side_whatever_comes_or_goes() -> None:
    stage, few, many = Splits(min_rows=0), tickets(600), tickets(600) + tickets(4000)
    frame, texts = frame_of(few)
    family = stage.fit(frame, stage.evidence(frame, texts))
    assert family.common
    before = stage.decide_in(family, frame, stage.evidence(frame, texts))
    frame, texts = frame_of(many)
    after = stage.decide_in(family, frame, stage.evidence(frame, texts))
    both = before.join(after, on="row_id")
    assert both.height == before.height
    assert both["split"].equals(both["split_right"]) and both["fold"].equals(both["fold_right"])


def test_in_a_family_near_equal_prompts_and_groups_stay_together() -> None:
    rng = random.Random(5)
    pairs, names = tickets(400), [None] * 400
    for n in range(40):
        asked = f"{INSTRUCTION} " + " ".join(f"w{rng.randrange(900)}" for _ in range(40))
        pairs += [(asked, f"first {n}"), (f"{asked} please", f"second {n}")]
        names += [None, None]
    grouped = [(f"{INSTRUCTION} {ticket(rng)}", "x") for _ in range(60)]
    frame, texts = frame_of(pairs + grouped, group=[*names, *(f"g{i % 20}" for i in range(60))])
    evidence = Splits().evidence(frame, texts)
    family = Splits().fit(frame, evidence)
    assert family.common
    said = {key: prompt for key, (prompt, _) in texts._said.items()}
    fold = dict(Splits().decide_in(family, frame, evidence).select("row_id", "fold").iter_rows())
    of_text = {said[key]: fold[key] for key in fold}
    twins = [(a, b) for (a, _), (b, _) in pairwise(pairs) if b == f"{a} please"]
    assert len(twins) == 40
    assert sum(of_text[a] == of_text[b] for a, b in twins) >= 35
    assert frame.with_columns(fold=pl.col("row_id").replace_strict(fold)).drop_nulls("group").group_by("group").agg(
        pl.col("fold").n_unique()
    )["fold"].to_list() == [1] * 20  # fmt: skip


def chats(*talks: list[str]) -> tuple[pl.DataFrame, HeldTexts]:
    """Return rows of talks in which user and assistant take turns, the user first."""
    keys = [n.to_bytes(16, "big") for n in range(len(talks))]
    turns = [
        {"row_id": key, "turn": n, "role": ("user", "assistant")[n % 2], "text": text}
        for key, talk in zip(keys, talks)
        for n, text in enumerate(talk)
    ]
    given = {name: TURNS[name] for name in ("row_id", "turn", "role", "text")}
    schema = {"row_id": pl.Binary, "text_digest": pl.Binary, "group": pl.String}
    frame = pl.DataFrame({"row_id": keys, "text_digest": keys, "group": [None] * len(keys)}, schema=schema)
    return frame, HeldTexts(conform(pl.DataFrame(turns, schema=given), TURNS))


def greeted(n: int) -> list[list[str]]:
    rng = random.Random(3)
    return [
        [("Hi", "Good morning to you all there")[i % 2], "How can I help?", ticket(rng), "Noted."]
        for i in range(n)
    ]


def test_a_greeting_does_not_decide_where_a_chat_goes() -> None:
    frame, texts = chats(*greeted(600))
    evidence = Splits().evidence(frame, texts)
    found = Splits().decide_in(Splits().fit(frame, evidence), frame, evidence)
    assert (found["split"].cast(pl.String) != "train").mean() == pytest.approx(0.06, abs=0.0101)


def test_behind_a_greeting_a_chat_stays_with_its_beginning() -> None:
    rng = random.Random(9)
    talks = greeted(300)
    longer = [[*talk, f"And {ticket(rng)} Then {ticket(rng)}", "That too."] for talk in talks]
    frame, texts = chats(*talks, *longer)
    evidence = Splits().evidence(frame, texts)
    family = Splits().fit(frame, evidence)
    assert family.common
    fold = Splits().decide_in(family, frame, evidence)["fold"]
    assert fold[:300].equals(fold[300:])
    assert fold.n_unique() > 30


def test_rows_under_one_long_instruction_are_no_duplicates_of_each_other() -> None:
    pairs = tickets(300, LONG)
    frame, texts = frame_of(pairs, split=["train"] * 300)
    evidence = Splits().evidence(frame, texts)
    family = Splits().fit(frame, evidence)
    split = Splits().decide_in(family, frame, evidence)
    frame = frame.drop("split", "fold").join(split, on="row_id", maintain_order="left")
    stage = Dedup(max_cluster=1.0)
    found = stage.decide_in(family, frame, stage.evidence(frame, texts))
    assert found.is_empty()
    assert stage.decide(frame, stage.evidence(frame, texts)).height > 200


def test_a_family_is_read_as_it_was_written_and_damage_is_named() -> None:
    family = SplitFamily(2, 7, (3, 4_000_000_000))
    assert SplitFamily.from_bytes(family.to_bytes()) == family
    for damaged in (b"", b"[]", b'{"number": 1}', b'{"number": 1, "salt": 0, "common": 3}'):
        with pytest.raises(StoreError, match="family of the splits"):
            SplitFamily.from_bytes(damaged)


def test_a_salt_is_the_first_that_serves_and_the_nearest_where_none_does() -> None:
    keys, ones = np.arange(60, dtype=np.uint64), np.ones(60, np.int64)
    asked = {"final": 0.02, "feedback": 0.04}
    chosen = best_salt(keys, ones, asked, SplitFamily())
    earlier = [SplitFamily(0, salt) for salt in range(chosen.salt)]
    assert miss_of(chosen.draws(keys), ones, asked) == 0
    assert all(miss_of(family.draws(keys), ones, asked) > 0 for family in earlier)
    one_key = best_salt(keys[:1], np.array([60]), asked, SplitFamily())
    assert miss_of(one_key.draws(keys[:1]), np.array([60]), asked) == pytest.approx(0.06)
