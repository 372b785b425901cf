"""The labelled set of personal data says what it claims, and detection stays as good as it was measured."""

from __future__ import annotations

from benchmarks.inputs.pii_cases import LOCAL_BARE, NEGATIVE, POSITIVE, cases
from tilth.curation.pii import KINDS, find


def test_the_set_is_the_same_each_time_and_covers_every_kind() -> None:
    labelled = cases(each=4)
    assert labelled.equals(cases(each=4))
    assert not labelled["text"].equals(cases(seed=1, each=4)["text"])
    assert set(labelled["kind"].drop_nulls()) == set(KINDS)
    assert labelled.height == 4 * (len(POSITIVE) + len(NEGATIVE))


def test_detection_finds_the_very_span_and_nothing_else() -> None:
    """On drawings that no figure is reported on."""
    labelled = cases(seed=17, each=15).with_row_index()
    wanted = {
        (case["index"], case["kind"], case["start"], case["end"])
        for case in labelled.iter_rows(named=True)
        if case["kind"] and case["form"] != LOCAL_BARE
    }
    found = set(find(labelled["text"]).rows())
    assert len(wanted & found) >= 0.99 * len(wanted)
    assert len(found - wanted) <= 0.005 * labelled.height
