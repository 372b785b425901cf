"""The measure of planted defects: what counts as caught, and that its reasons exist."""

from __future__ import annotations

from pathlib import Path

from benchmarks.inputs.defects.cases import load
from benchmarks.suite.defects import REASONS, curate_cases, interval
from tilth.curation.dedup.near import REASONS as DUPLICATES
from tilth.curation.reading.limits import Reason
from tilth.curation.recipe import parse
from tilth.curation.stage import Local

OF_BARRIERS = {
    "conflicting_answers",
    "several_answers",
    "is_eval_item",
    "covers_eval_item",
    "shares_eval_span",
}


def test_wilson_interval() -> None:
    assert (
        interval(81, 263)["low"] == 0.2553
    )  # the interval of Wilson without correction, Newcombe (1998), table I
    assert interval(81, 263)["high"] == 0.3662
    assert interval(0, 20) == {"hits": 0, "of": 20, "share": 0.0, "low": 0.0, "high": 0.1611}
    assert interval(0, 0)["share"] is None


def test_every_reason_is_one_that_curation_gives() -> None:
    stages = parse({}, Path()).stages
    known = {rule.reason for stage in stages if isinstance(stage, Local) for rule in stage.rules()}
    known |= {str(reason) for reason in Reason} | set(DUPLICATES) | OF_BARRIERS | {"published_once"}
    assert set().union(*REASONS.values()) <= known
    assert {case.defect for case in load(None) if case.group == "defect"} == set(REASONS)


def test_written_cases_meet_their_fate(tmp_path: Path) -> None:
    cases = [case for case in load(None) if case.defect in (None, "empty", "exact_duplicate", "conflict")]
    fates = curate_cases(cases, [{"prompt": "Nobody asks this.", "response": "So."}], tmp_path)
    assert set(fates) == {case.id for case in cases}
    for case in cases:
        if case.group == "clean":
            assert not fates[case.id]["out"], case.id
        elif case.defect == "empty":
            assert fates[case.id]["out"] & REASONS["empty"], case.id
        elif case.defect == "conflict":
            assert (fates[case.id]["out"] | fates[case.id]["tag"]) & REASONS["conflict"], case.id
