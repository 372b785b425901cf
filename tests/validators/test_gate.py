from __future__ import annotations

import math
import subprocess
import sys

import polars as pl
import pytest
from pydantic import ValidationError

from tests.validators.version_tables import tables
from tilth.validators.gate import CHECKS, judge
from tilth.validators.metrics import measure
from tilth.validators.recipe import Checks, ReportOptions

GOOD = measure(tables([{"n": n} for n in range(20)]))


def results(metrics: pl.DataFrame, **checks: float | None) -> dict:
    return {r.name: r for r in judge(metrics, Checks(**checks))}


def test_every_check_names_a_metric_that_is_measured() -> None:
    assert set(CHECKS) == set(Checks.model_fields) - {"expect", "suite"}
    assert {metric for metric, _ in CHECKS.values()} <= set(GOOD.columns)


def test_a_sound_version_passes_in_recipe_order() -> None:
    found = judge(GOOD, Checks())
    assert [r.name for r in found] == list(Checks().bounds)
    assert all(r.passed for r in found)


def test_a_breach_fails_with_value_bound_and_severity() -> None:
    found = results(GOOD, min_rows=21)["min_rows"]
    assert (found.passed, found.value, found.bound, found.operator, found.blocks) == (
        False,
        20,
        21,
        ">=",
        True,
    )
    warned = results(GOOD.with_columns(max_source_loss=0.9))["max_source_loss"]
    assert (warned.passed, warned.severity, warned.blocks) == (False, "warning", False)


def test_a_value_at_its_bound_passes() -> None:
    assert results(GOOD.with_columns(duplicate_rate=0.01))["max_duplicate_rate"].passed


@pytest.mark.parametrize("nothing", [None, math.nan])
def test_null_and_nan_fail(nothing: float | None) -> None:
    found = results(GOOD.with_columns(duplicate_rate=pl.lit(nothing, pl.Float64)))
    assert not found["max_duplicate_rate"].passed
    assert found["max_duplicate_rate"].value is None and found["max_duplicate_rate"].note
    assert found["min_rows"].passed


def test_a_missing_column_is_a_failed_check_and_only_that_one() -> None:
    found = results(GOOD.drop("leak_rate"))
    assert [name for name, r in found.items() if not r.passed] == ["max_leak_rate"]
    assert "leak_rate" in found["max_leak_rate"].note


@pytest.mark.parametrize("metrics", [GOOD.clear(), pl.concat([GOOD, GOOD])])
def test_a_frame_that_is_not_one_line_fails_everything(metrics: pl.DataFrame) -> None:
    assert not any(r.passed for r in judge(metrics, Checks()))


def test_null_switches_a_check_off_and_unknown_keys_are_refused() -> None:
    assert "min_rows" not in results(GOOD, min_rows=None)
    assert judge(GOOD, Checks(**dict.fromkeys(Checks.model_fields))) == []
    with pytest.raises(ValidationError):
        Checks(min_row=1)  # type: ignore[call-arg]
    with pytest.raises(ValidationError):
        ReportOptions(examples=51)


def test_judging_prints_nothing_touches_no_network_and_importing_the_gate_is_light() -> None:
    program = (
        "import sys, polars as pl\n"
        "from tilth.validators.gate import judge\n"
        "from tilth.validators.recipe import Checks\n"
        "assert 'great_expectations' not in sys.modules\n"
        "import socket\n"
        "def refuse(*a, **k): raise AssertionError('network')\n"
        "socket.socket.connect = socket.getaddrinfo = refuse\n"
        "only = Checks(**{**dict.fromkeys(Checks.model_fields), 'min_rows': 1})\n"
        "assert judge(pl.DataFrame({'kept': [5]}), only)[0].passed\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
