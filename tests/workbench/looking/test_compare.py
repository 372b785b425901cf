"""tilth compare: blind, saved vote by vote, gone on with, and counted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from tilth.shards.store import Store
from tilth.workbench.commands import tilth
from tilth.workbench.looking.compare import different_pairs, wilson

RUN = "ab12cd"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A store with a run that answered 30 prompts, five of them as its base did."""
    store = Store.open(tmp_path / ".tilth")
    folder = store.root / "runs" / RUN
    folder.mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    lines = [
        {
            "task": "held-out rows" if n < 20 else "desk",
            "line": n,
            "messages": [{"role": "user", "content": f"question [{n}]"}],
            "base": f"from the base {n}",
            "tuned": f"from the base {n}" if n % 6 == 0 else f"from the tuned {n}",
        }
        for n in range(30)
    ]
    (folder / "answers.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture
def compare(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run `tilth compare ab` with keys typed."""
    monkeypatch.chdir(tmp_path)

    def call(keys: str, *words: str) -> Any:
        result = CliRunner().invoke(tilth.main, ["compare", "ab", *words], input=keys)
        assert result.exit_code == 0, result.output
        return result.output

    return call


def votes(folder: Path) -> dict[str, str]:
    found: dict[str, str] = json.loads((folder / "votes.json").read_bytes())
    return found


def test_a_vote_counts_for_the_model_behind_the_side(compare: Callable[..., Any], folder: Path) -> None:
    pairs, same = different_pairs(folder, 20)
    assert (len(pairs), same) == (20, 5)
    output = compare("1" * 20)
    assert len(set(votes(folder).values())) == 2  # the same side is not always the same model
    shown = [line for line in output.splitlines() if "from the base" in line and "from the tuned" in line]
    assert len(shown) == 20
    for line, pair in zip(shown, pairs):
        left = "base" if line.index("from the base") < line.index("from the tuned") else "tuned"
        assert votes(folder)[f"{pair['task']}:{pair['line']}"] == left
    assert "question [" in output


def test_it_stops_at_q_and_goes_on_where_it_stopped(compare: Callable[..., Any], folder: Path) -> None:
    assert "3 of 20 prompts" in compare("1x20q")
    first = votes(folder)
    assert len(first) == 3
    assert list(first.values()).count("tie") == 1
    assert "20 of 20 prompts" in compare("=" * 17)
    assert votes(folder).items() >= first.items()
    said = json.loads(compare("", "--json"))
    assert (said["tie"], said["tuned"] + said["base"]) == (18, 2)


def test_the_end_of_the_input_is_a_stop(compare: Callable[..., Any]) -> None:
    assert "0 of 5 prompts" in compare("", "--rows", "5")


def test_keys_are_read_from_a_terminal(folder: Path) -> None:
    master, slave = os.openpty()
    command = [sys.executable, "-m", "tilth.workbench.commands.tilth", "compare", "ab", "--rows", "2"]
    with subprocess.Popen(
        [*command, "--store", str(folder.parent.parent)],
        stdin=slave,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        # A terminal drops what was typed before it listens: keys are pressed until the command has had enough.
        for key in cycle((b"x", b"1")):
            if process.poll() is not None:
                break
            os.write(master, key)
            time.sleep(0.1)
        assert process.stdout is not None
        output = process.stdout.read()
    os.close(slave)
    os.close(master)
    assert process.returncode == 0
    assert "2 of 2 prompts" in output
    assert len(votes(folder)) == 2


def test_a_run_that_changed_nothing_has_nothing_to_compare(folder: Path, tmp_path: Path) -> None:
    line = {"task": "t", "line": 1, "messages": [], "base": "a", "tuned": "a"}
    (folder / "answers.jsonl").write_text(json.dumps(line))
    result = CliRunner().invoke(tilth.main, ["compare", "ab", "--store", str(tmp_path / ".tilth")])
    assert result.exit_code == 2
    assert "the same" in result.output
    assert (
        CliRunner().invoke(tilth.main, ["compare", "zz", "--store", str(tmp_path / ".tilth")]).exit_code == 2
    )


@given(st.integers(1, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_is_that_of_scipy(counts: tuple[int, int]) -> None:
    theirs = binomtest(*counts).proportion_ci(0.95, "wilson")
    assert wilson(*counts) == pytest.approx((theirs.low, theirs.high), abs=1e-6)
