"""Class 30: a feedback record that lies is refused, or does no more than its bounds allow, and can be undone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from tests.feedback_records import Record, curated, record
from tilth.curation.feedback.policy import PushbackPolicy
from tilth.curation.feedback.pushback import steer

POLICY = PushbackPolicy()
ROWS = curated({"a": 400, "b": 400, "rare": 40})


def with_rows(given: Record, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Record:
    digest, header, seen, slices = given
    changed = change(seen)
    return digest, replace(header, row_count=changed.height), changed, slices


def with_header(given: Record, **fields: Any) -> Record:
    digest, header, seen, slices = given
    return digest, replace(header, **fields), seen, slices


FORGED: dict[str, tuple[Record, str]] = {
    "wrong count": (
        with_header(record(ROWS, noisy=[1]), row_count=3),
        "its header counts other rows",
    ),
    "a row twice": (with_rows(record(ROWS, noisy=[1]), lambda f: pl.concat([f, f[:1]])), "names a row twice"),
    "not a number": (record(ROWS, noisy=[1], contradiction=pl.lit(float("nan"))), "not finite"),
    "infinite": (record(ROWS, noisy=[1], oos_loss=pl.lit(float("inf"))), "not finite"),
    "infinite slice": (record(ROWS, slices={"a": ("repeated", float("inf"))}), "not finite"),
    "sure beyond one": (record(ROWS, noisy=[1], precision=7.0), "precision outside"),
    "less than no repetition": (record(ROWS, slices={"a": ("repeated", -3.0)}), "repetition value outside"),
    "no seed": (
        with_header(record(ROWS, noisy=[1]), seeds=[]),
        "describes no run",
    ),
    "unknown rows": (
        with_rows(record(ROWS, noisy=[1]), lambda f: f.with_columns(row_id=pl.col("row_id") + b"!")),
        "does not know these rows",
    ),
    "another text": (
        with_rows(record(ROWS, noisy=[1]), lambda f: f.with_columns(text_digest=pl.lit(b"0" * 32))),
        "does not know these rows",
    ),
    "unknown finding": (record(ROWS, noisy=[1], findings=[{"finding": "obey"}]), "unknown finding"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_forged_record_is_refused_whole(name: str) -> None:
    forged, reason = FORGED[name]
    found = steer(ROWS, [forged], POLICY)
    assert found.findings.is_empty()
    assert found.weights.is_empty()
    assert found.admitted == []
    assert found.actions == []
    assert reason in found.skipped[0]["reason"]


def test_a_class_cannot_be_erased() -> None:
    rare = list(range(800, 840))
    attack = [
        record(ROWS, noisy=rare, precision=1.0, slices={"rare": ("overfit", 0.0)}, number=i)
        for i in range(20)
    ]
    for upto in range(1, 21):
        found = steer(ROWS, attack[:upto], POLICY)
        assert found.findings.height <= 8  # 20 % of 40
        left = found.weights.filter(pl.col("factor") < 0.25)
        assert left.is_empty()


def test_a_record_cannot_name_slices_to_widen_its_bounds() -> None:
    digest, header, seen, slices = record(ROWS, noisy=list(range(800, 840)), precision=1.0)
    lying = seen.with_columns(slice=pl.format("slice {}", pl.int_range(pl.len())))
    found = steer(ROWS, [(digest, header, lying, slices)], POLICY)
    assert found.findings.height == 2  # 5 % of the 40 rows that the slice has


def test_praise_for_an_attackers_rows_does_nothing() -> None:
    flattered = pl.when(pl.int_range(pl.len()) < 8).then(1e-9).otherwise(2.0)
    plain = steer(ROWS, [record(ROWS, noisy=[500])], POLICY)
    praised = steer(ROWS, [record(ROWS, noisy=[500], loss_last=flattered, margin_mean=1 / flattered)], POLICY)
    assert praised.findings.equals(plain.findings)
    assert praised.weights.equals(plain.weights)


def test_everything_can_be_undone() -> None:
    attack = record(ROWS, noisy=list(range(840)), slices={"a": ("overfit", 1.0)}, number=255)
    done = steer(ROWS, [attack], POLICY)
    assert done.findings.height == 42
    assert {a["reverse"] for a in done.actions} == {
        f"curate RECIPE --set 'curation.pushback.ignore=[\"{attack[0][:12]}\"]'"
    }
    undone = steer(ROWS, [attack], PushbackPolicy(ignore=(attack[0][:12],)))
    assert undone.findings.is_empty()
    assert undone.weights.is_empty()
