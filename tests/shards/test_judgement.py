"""Judgements: what people said comes to one word a row, and no word is lost or half there."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.shards import atomic
from tilth.shards.errors import UsageError
from tilth.shards.judgement import Act, Judgement, read_judgement, standings
from tilth.shards.judgement_log import JudgementLog

ROWS = [f"{n:032x}" for n in range(4)]
TEXT = "ab" * 32


def said(act: str = "drop", by: str = "ann", row: str = ROWS[0], **more: Any) -> Judgement:
    if act in ("repair", "relabel"):
        more.setdefault("edits", {"1": [TEXT, "better"]})
    return Judgement(at="2026-01-02T03:04:05+00:00", by=by, act=Act(act), row=row, text=TEXT, **more)


def test_the_newest_word_of_a_person_stands() -> None:
    where = standings([said("drop"), said("keep", nonce="2")])
    assert where[ROWS[0]].final is not None and where[ROWS[0]].final.act is Act.KEEP


def test_two_who_disagree_decide_nothing_until_one_settles() -> None:
    log = [said("drop"), said("keep", by="bob")]
    assert standings(log)[ROWS[0]].is_disputed
    log.append(said("drop", by="cyd", settles=True))
    assert standings(log)[ROWS[0]].final == log[-1]
    log.append(said("keep", by="dan"))
    assert standings(log)[ROWS[0]].is_disputed, "another word after it opens the question again"


def test_what_is_taken_back_was_not_said() -> None:
    first = said("drop")
    undo = Judgement(at=first.at, by="bob", act=Act.UNDO, row=first.row, undoes=first.id)
    assert standings([first, undo]) == {}
    assert standings([said("keep", by="bob"), first, undo])[ROWS[0]].final is not None


def test_two_repairs_agree_where_they_write_the_same() -> None:
    same = [said("repair"), said("repair", by="bob")]
    assert not standings(same)[ROWS[0]].is_disputed
    other = [said("repair"), said("repair", by="bob", edits={"1": [TEXT, "other"]})]
    assert standings(other)[ROWS[0]].is_disputed


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["keep", "drop", "repair", "skip", "note"]),
            st.sampled_from("abc"),
            st.integers(0, 3),
        ),
        max_size=12,
    )
)
def test_reading_back_gives_the_same_words(lines: list[tuple[str, str, int]]) -> None:
    log = [said(act, by, ROWS[row], nonce=str(n)) for n, (act, by, row) in enumerate(lines)]
    again = [read_judgement(json.loads(one.to_bytes())) for one in log]
    assert again == log and standings(again) == standings(log)
    for row, standing in standings(log).items():
        last = {one.by: one for one in log if one.row == row and one.act not in (Act.SKIP, Act.NOTE)}
        assert {one.by: one for one in standing.words} == last


@pytest.mark.parametrize(
    "change",
    [{"by": " "}, {"row": "zz"}, {"text": ""}, {"at": "yesterday"}, {"note": "x" * 3000}, {"act": "shout"},
     {"settles": 1}, {"edits": {"1": [TEXT, "x"]}}, {"undoes": TEXT}, {"by": 3}],
)  # fmt: skip
def test_a_line_that_is_no_judgement_is_refused(change: dict[str, Any], tmp_path: Path) -> None:
    line = json.loads(said().to_bytes()) | change
    with pytest.raises(UsageError):
        read_judgement(line)
    (tmp_path / "review").mkdir()
    whole = said("keep").to_bytes()
    (tmp_path / "review" / "desk.jsonl").write_bytes(json.dumps(line).encode() + b"\n" + whole + b"\n")
    read = JudgementLog(tmp_path).read("desk")
    assert read.damaged == 1 and [one.act for one in read.judgements] == [Act.KEEP]


def test_a_line_that_was_tampered_with_is_left_out_and_counted(tmp_path: Path) -> None:
    log = JudgementLog(tmp_path)
    log.add("desk", [said("drop", note="first"), said("keep", by="bob")])
    path = log.path("desk")
    path.write_bytes(path.read_bytes().replace(b"first", b"other"))
    read = JudgementLog(tmp_path).read("desk")
    assert read.damaged == 1 and len(read.judgements) == 1


def test_the_same_judgement_twice_is_there_once(tmp_path: Path) -> None:
    log = JudgementLog(tmp_path)
    assert log.add("desk", [said(), said()]) == 1
    assert log.add("desk", [said()]) == 0
    assert len(log.read("desk").judgements) == 1


def test_the_end_of_a_line_that_nobody_was_told_of_is_cut_off(tmp_path: Path) -> None:
    log = JudgementLog(tmp_path)
    log.add("desk", [said()])
    with log.path("desk").open("ab") as file:
        file.write(said("keep", by="bob").to_bytes()[:40])
    assert len(log.read("desk").judgements) == 1
    log.add("desk", [said("keep", by="cyd")])
    read = JudgementLog(tmp_path).read("desk")
    assert [one.by for one in read.judgements] == ["ann", "cyd"] and read.damaged == 0


@pytest.mark.parametrize("at", ["log opened", "log written"])
def test_killed_during_a_decision_it_is_there_once_or_not_at_all(
    at: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = JudgementLog(tmp_path)
    log.add("desk", [said()])
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(atomic, "step", lambda name: os._exit(9) if name == at else None)
        JudgementLog(tmp_path).add("desk", [said("keep", by="bob")])
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
    log.add("desk", [said("keep", by="bob")])  # the browser asks again
    assert [one.by for one in JudgementLog(tmp_path).read("desk").judgements] == ["ann", "bob"]


def test_many_writers_lose_nothing(tmp_path: Path) -> None:
    def write(who: int) -> None:
        log = JudgementLog(tmp_path)
        for n in range(15):
            log.add("desk", [said(by=f"p{who}", nonce=str(n))])

    threads = [threading.Thread(target=write, args=(who,)) for who in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    read = JudgementLog(tmp_path).read("desk")
    assert len({one.id for one in read.judgements}) == 60 and read.damaged == 0


def test_nothing_is_written_where_one_is_refused(tmp_path: Path) -> None:
    log = JudgementLog(tmp_path)
    with pytest.raises(UsageError):
        log.add("desk", [said(), replace(said(), by="")])
    assert log.read("desk").judgements == ()


def test_what_is_erased_leaves_the_log_and_the_rest_stays(tmp_path: Path) -> None:
    log = JudgementLog(tmp_path)
    log.add("desk", [said("repair"), said("keep", row=ROWS[1]), said("drop", by="bob")])
    log.add("other", [said("keep", row=ROWS[2])])
    assert log.erase({ROWS[0]}) == ["desk"]
    assert [one.row for one in JudgementLog(tmp_path).read("desk").judgements] == [ROWS[1]]
    assert b"better" not in log.path("desk").read_bytes() and log.erase({ROWS[0]}) == []
