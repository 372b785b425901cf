"""The monitor contract: found by their files, asked after what they look at, and never the end of a run."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import numpy as np
import polars as pl
import pytest

from tests.training.run.test_learning import make_learning, make_model, rows, run
from tilth.shards.feedback import Finding
from tilth.training.monitors import monitor as contract
from tilth.training.monitors.signal import Signal, most_severe
from tilth.training.run import run_facts

OURS = ["forgetting", "label_noise", "repetition", "twin_gap", "validation_rise"]
LATER = ["canary_exposure", "collapse", "extraction", "shift_gap", "starvation", "validation_burn"]
OF_PAIRS = ["chosen_forgetting", "chosen_rise", "chosen_twin_gap"]


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what adds a monitor for the length of a test."""
    everyone = dict(contract.registry())
    monkeypatch.setattr(contract, "_MONITORS", everyone)
    monkeypatch.setattr(contract, "registry", lambda: dict(sorted(everyone.items())))
    return contract.monitor


class Part:
    """What monitors of these tests have in common."""

    version: ClassVar[str] = "7"
    looks_at: ClassVar[tuple[str, ...]] = ("probe",)
    proposes: ClassVar[dict[Finding, str]] = {Finding.NOTED: "look at it"}


def watched(steps: int = 4) -> tuple[Any, list[dict[str, Any]]]:
    """Return a short run that was watched to its end, and its journal."""
    learning, model = make_learning(rows("rule", 60, 0), rows("rule", 10, 1), [], steps=steps), make_model()
    journal = [
        record for said in run(learning, model, learning.train, steps=steps) for record in said.records
    ]
    learning.finish(model)
    return learning, journal


def test_monitors_are_found_by_their_files_and_carry_the_names_of_the_field() -> None:
    assert list(contract.registry()) == sorted(OURS + LATER + OF_PAIRS)
    assert [contract.name_of(label) for label in ("M9", "M6", "M5", "M1", "M2")] == OURS
    assert contract.name_of("twin_gap") == "twin_gap"
    assert all((one.__doc__ or "").strip() and one.proposes for one in contract.registry().values())


def test_a_finding_of_a_new_monitor_reaches_the_page_the_journal_and_the_record(added: Any) -> None:
    @added("drift")
    class Drift(Part):
        """Everything drifts."""

        def examine(self, observations: Any) -> list[Signal]:
            losses, _ = observations.losses("probe", None)
            return [Signal(Finding.NOTED, None, f"{len(losses)} evaluations", value=np.float32(0.5))]

    learning, journal = watched()
    (line,) = [m for m in run_facts.monitor_results(learning) if m["monitor"] == "drift"]
    assert (line["finding"], line["triggered"], line["proposes"]) == ("noted", True, "look at it")
    told = [record for record in journal if record.get("monitor") == "drift"]
    assert len(told) == len(learning.evaluations)
    json.dumps(told)
    assert {f["monitor"] for f in learning.run_findings} >= {"drift"}
    assert contract.versions()["drift"] == "7"


@pytest.mark.parametrize("looks_at", [("probe",), ("rows",), ("probe", "rows")])
@pytest.mark.parametrize("fault", ["raises", "returns none", "says no finding", "names rows of no schema"])
def test_a_monitor_that_fails_costs_its_own_finding_and_says_so(
    added: Any, looks_at: tuple[str, ...], fault: str
) -> None:
    without, _ = watched()

    @added("broken")
    class Broken(Part):
        """Fails."""

        def examine(self, observations: Any) -> Any:
            if fault == "raises":
                raise KeyError("a text of a row")
            bad_rows = pl.DataFrame({"row_id": ["x"]}) if fault.startswith("names") else None
            finding: Any = "gibberish" if fault == "says no finding" else Finding.NOTED
            return None if fault == "returns none" else [Signal(finding, None, "", rows=bad_rows)]

    Broken.looks_at = looks_at  # type: ignore[misc]
    learning, journal = watched()
    (line,) = [m for m in run_facts.monitor_results(learning) if m["monitor"] == "broken"]
    assert (line["finding"], line["triggered"]) == ("inconclusive", False)
    assert "it says nothing here" in line["evidence"] and "a text of a row" not in line["evidence"]
    if looks_at != ("rows",):
        assert any(record.get("monitor") == "broken" for record in journal)
    for mine, theirs in zip(learning.feedback_frames(), without.feedback_frames(), strict=True):
        assert mine.equals(theirs)


def test_a_run_goes_on_where_every_monitor_fails(added: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for one in contract.registry().values():
        monkeypatch.setattr(type(one), "examine", lambda self, observations: 1 / 0)
    learning, _ = watched()
    of_rows, of_slices = learning.feedback_frames()
    assert of_rows["finding"].unique().to_list() == ["none"]
    assert of_slices["finding"].unique().to_list() == ["inconclusive"]
    assert len(run_facts.monitor_results(learning)) == len(OURS + LATER + OF_PAIRS)


def test_rows_are_named_by_whoever_asks_for_the_most(added: Any) -> None:
    @added("strict")
    class Strict(Part):
        """Finds every row noisy."""

        looks_at = ("rows",)

        def examine(self, observations: Any) -> list[Signal]:
            found = observations.rows.scores.select(
                "row_id",
                finding=pl.lit("noisy"),
                est_precision=pl.lit(1.0),
                evidence=pl.lit("each"),
            )
            return [Signal(Finding.NONE, None, "", rows=pl.concat([found, found]))]

    learning, _ = watched()
    of_rows, _ = learning.feedback_frames()
    assert of_rows.height == of_rows["row_id"].n_unique()
    assert of_rows["finding"].unique().to_list() == ["noisy"]
    assert of_rows["evidence"].unique().to_list() == ["strict: each"]


def test_a_class_that_is_no_monitor_is_refused_when_it_is_read(added: Any) -> None:
    with pytest.raises(TypeError, match="lacks proposes, examine"):
        added("half")(type("Half", (), {"version": "1", "looks_at": ("probe",)}))
    with pytest.raises(TypeError, match="something to look at"):
        added("blind")(type("Blind", (Part,), {"looks_at": ("moon",), "examine": None}))
    with pytest.raises(ValueError, match="two monitors are named"):
        added("twin_gap")(type("Again", (Part,), {"examine": None}))


def test_a_slice_of_which_nobody_speaks_is_inconclusive_and_a_noted_one_is_not() -> None:
    assert most_severe([]).finding is Finding.INCONCLUSIVE
    noted = Signal(Finding.NOTED, "s", "")
    assert most_severe([Signal(Finding.NONE, "s", "", alpha=0.1), noted]) is noted
    worse = Signal(Finding.OVERFIT, "s", "")
    assert most_severe([noted, worse]) is worse


def test_a_checkpoint_of_a_run_that_spoke_in_codes_is_read() -> None:
    learning, _ = watched()
    state = learning.state_dict()
    codes = {one.name: one.label for one in contract.registry().values()}
    kept = state.pop("last_signals")
    state["said"] = {
        f"{codes[s['monitor']]} {s['slice'] or ''}": {**s, "monitor": codes[s["monitor"]]}
        for s in kept.values()
    }
    resumed = make_learning(rows("rule", 60, 0), rows("rule", 10, 1), [], steps=4)
    resumed.load_state_dict(state)
    assert resumed.last_signals == kept
