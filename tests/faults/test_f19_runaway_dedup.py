"""Class 19: a chain of pairs at the threshold takes no more than its repeats; a hub stops the run."""

from __future__ import annotations

import pytest

from tests.row_frames import jaccard, make_rows, shingles
from tilth.curation.dedup.near import Dedup
from tilth.shards.errors import TilthError


def test_a_chain_is_not_one_duplicate() -> None:
    window, step, links = 120, 4, 400
    words = [f"w{i}" for i in range(window + step * links)]
    texts = [" ".join(words[i * step : i * step + window]) for i in range(links)]
    sets = [shingles(text) for text in texts]
    assert jaccard(sets[0], sets[1]) >= 0.8
    assert jaccard(sets[0], sets[-1]) == 0.0
    frame, listed = make_rows([(text, "ok") for text in texts], split=["train"] * links)
    found = Dedup().decide(frame, Dedup().evidence(frame, listed))
    dropped, kept = set(found["row_id"]), set(frame["row_id"]) - set(found["row_id"])
    assert len(kept) > links / 6  # with closure one would be left
    assert set(found["witness_id"]) <= kept
    assert found["value"].min() >= 0.8
    assert len(dropped) + len(kept) == links


def test_a_hub_stops_the_run_loudly() -> None:
    body = " ".join(f"clause{i}" for i in range(200))
    rows = [(f"{body} case {i}", f"{body} ruling {i}") for i in range(400)]
    rows += [(f"free question {i} about thing {i * i}", f"free answer {i}") for i in range(400)]
    frame, listed = make_rows(rows, split=["train"] * len(rows))
    with pytest.raises(TilthError, match=r"399 of 800 rows") as stopped:
        Dedup().decide(frame, Dedup().evidence(frame, listed))
    assert stopped.value.exit_code == 1
    assert "near_jaccard" in str(stopped.value)
