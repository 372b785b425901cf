"""The labelled set of personal data says what it claims, and detection stays as good as it was measured."""

from __future__ import annotations

import polars as pl

from benchmarks.inputs import pii_held_out
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
    spans = {
        (case["index"], case["kind"], case["start"], case["end"]): case["form"]
        for case in labelled.iter_rows(named=True)
        if case["kind"]
    }
    wanted = {span for span, form in spans.items() if form != LOCAL_BARE}
    found = set(find(labelled["text"]).rows())
    assert len(wanted & found) >= 0.99 * len(wanted)
    assert len(found - set(spans)) <= 0.005 * labelled.height


def test_other_countries_numbers_are_found_and_technical_lookalikes_are_not() -> None:
    """On drawings that no figure is reported on."""
    labelled = pii_held_out.cases(seed=17, each=4).with_row_index()
    found = find(labelled["text"]).rows()
    clean = set(labelled.filter(pl.col("kind").is_null())["index"])
    said = {(case["index"], case["kind"]) for case in labelled.iter_rows(named=True) if case["kind"]}
    caught = {(index, kind) for index, kind, _, _ in found} & said
    assert len(caught) >= 0.87 * len(said)
    assert len([hit for hit in found if hit[0] in clean]) <= 0.02 * len(clean)
