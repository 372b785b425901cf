"""When a run is due: missed moments are one, failures wait, clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilth.workbench.refreshing.due import Plan, judge, zone_of
from tilth.workbench.refreshing.history import CHECKS_FAILED, DONE, FAILED, KILLED, Run

BERLIN = ZoneInfo("Europe/Berlin")
NIGHTLY = Plan("", "desk", "0 3 * * *", "Europe/Berlin", (), ".")


def ran(started: datetime, state: str = DONE, *, attempt: int = 1, transient: bool = False) -> Run:
    at = started.timestamp()
    return Run(1, "desk", at, at + 60, state, "", None, 0, attempt, transient, "inputs")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=BERLIN)


def test_it_is_due_once_for_all_moments_that_were_missed() -> None:
    found = judge(NIGHTLY, ran(at("2026-06-01T03:00")), at("2026-06-05T10:00"), "")
    assert (found.is_due, found.missed) == (True, 3)
    assert not judge(NIGHTLY, ran(at("2026-06-05T10:00")), at("2026-06-05T23:00"), "").is_due


@pytest.mark.parametrize(
    ("day", "offset"),
    [
        ("2026-03-28", 1),
        ("2026-03-29", 2),
        ("2026-03-30", 2),
        ("2026-10-24", 2),
        ("2026-10-25", 1),
        ("2026-10-26", 1),
    ],
)
def test_three_o_clock_stays_three_o_clock_when_the_clocks_change(day: str, offset: int) -> None:
    """On 2026-03-29 it is 2 and then 3 o'clock summer time; on 2026-10-25 it is 3 once, and 2 twice."""
    found = judge(NIGHTLY, ran(at(f"{day}T00:30")), at(f"{day}T00:40"), "")
    assert not found.is_due and found.at is not None
    assert found.at.astimezone(BERLIN).isoformat() == f"{day}T03:00:00+0{offset}:00"


def test_what_runs_at_an_hour_that_is_left_out_or_doubled_runs_once() -> None:
    plan = Plan("", "desk", "30 2 * * *", "Europe/Berlin", (), ".")
    for first, days in (("2026-03-27T12:00", 5), ("2026-10-23T12:00", 5)):
        clock, last, runs = at(first).astimezone(UTC), ran(at(first)), []
        for _ in range(days * 24 * 4):
            clock += timedelta(minutes=15)
            if judge(plan, last, clock, "").is_due:
                last = ran(clock)
                runs.append(clock.astimezone(BERLIN).date())
        assert len(runs) == days == len(set(runs)), runs


@given(st.integers(0, 10_000), st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_a_look_every_quarter_of_an_hour_never_leaves_out_a_night(start_h: int, hours: int) -> None:
    clock = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=start_h)
    last, nights = ran(clock), set()
    wanted = {
        day
        for day in (clock.astimezone(BERLIN).date() + timedelta(n) for n in range(hours // 24 + 2))
        if clock < datetime(day.year, day.month, day.day, 3, tzinfo=BERLIN) <= clock + timedelta(hours=hours)
    }
    for _ in range(hours * 4):
        clock += timedelta(minutes=15)
        found = judge(NIGHTLY, last, clock, "")
        if found.is_due:
            assert found.missed == 0
            nights.add(clock.astimezone(BERLIN).date())
            last = ran(clock)
    assert nights == wanted


def test_a_fault_that_may_pass_is_tried_again_later_and_later() -> None:
    start = at("2026-06-01T03:00")
    waits = []
    for attempt in range(1, 12):
        last = ran(start, FAILED, attempt=attempt, transient=True)
        found = judge(NIGHTLY, last, start + timedelta(seconds=61), "")
        assert not found.is_due and found.at is not None and found.attempt == attempt + 1
        waits.append((found.at - start).total_seconds() - 60)
        assert judge(NIGHTLY, last, found.at, "").is_due
    assert waits[:4] == [300, 600, 1200, 2400] and max(waits) == 6 * 3600
    assert judge(NIGHTLY, ran(start, KILLED, transient=True), start + timedelta(minutes=7), "").is_due


@pytest.mark.parametrize("state", [FAILED, CHECKS_FAILED])
def test_any_other_failure_waits_for_other_inputs_or_the_next_moment(state: str) -> None:
    last = ran(at("2026-06-01T03:00"), state)
    soon = at("2026-06-01T09:00")
    assert not judge(NIGHTLY, last, soon, "inputs").is_due
    assert judge(NIGHTLY, last, soon, "others").is_due
    assert judge(NIGHTLY, last, at("2026-06-02T03:01"), "inputs").is_due


def test_a_clock_that_went_back_stops_nothing() -> None:
    found = judge(NIGHTLY, ran(at("2027-01-01T03:00")), at("2026-06-01T12:00"), "")
    assert not found.is_due and found.at == at("2026-06-02T03:00")


def test_a_zone_is_found_by_name_or_from_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert str(zone_of("Asia/Tokyo")) == "Asia/Tokyo"
    monkeypatch.setenv("TZ", ":America/New_York")
    assert str(zone_of(None)) == "America/New_York"
    with pytest.raises(KeyError):
        zone_of("Mars/Olympus")
