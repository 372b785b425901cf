"""The script for a card, as far as a machine without one can tell: its logic runs, its arithmetic is right."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import torch

from benchmarks.gpu import __main__, run
from benchmarks.gpu.report import table, write
from benchmarks.gpu.shapes import DRY, SHAPES
from benchmarks.gpu.training import TUNINGS


def test_without_a_card_it_says_so_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(sys, "argv", ["gpu", "--out", str(tmp_path)])
    __main__.main()
    assert "no GPU was at hand" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_all_of_it_runs_with_tiny_shapes(tmp_path: Path) -> None:
    found = run.run(dry=True, seconds=600)
    assert {name: check.get("passed") for name, check in found["checks"].items()} == {
        "losses equal the CPU's": True,
        "packed rows equal rows alone": True,
        "a resumed run equals a whole one": True,
    }, found["checks"]
    assert set(found["runs"]) == {f"tiny {tuning.name}" for tuning in TUNINGS}
    assert found["runs"]["tiny QLoRA"]["left out"] == "this run has no NVIDIA card"
    assert all(found["runs"][f"tiny {name}"]["finite"] for name in ("LoRA", "full", "gradual"))
    write(found, tmp_path)
    assert json.loads((tmp_path / "gpu.json").read_text())["runs"] == found["runs"]
    assert "| tiny QLoRA | left out: this run has no NVIDIA card |" in (tmp_path / "gpu.md").read_text()


def test_what_finds_no_time_or_fails_stops_nothing() -> None:
    found = run.run(dry=True, seconds=-1)
    everything = [*found["checks"].values(), *found["runs"].values()]
    assert all(one == {"left out": "no time was left"} for one in everything)
    assert "no time was left" in table({"date": "2026-01-01", **found})


def test_arithmetic_is_that_of_six_and_four_times_the_parameters() -> None:
    """Of a model all of whose products are learned, but for attention and the output where nothing is."""
    shape = next(shape for shape in SHAPES if shape.name == "8B")
    examples = shape.examples(64)
    layers = 8.03e9 - 2 * 4096 * 128_256  # Llama 3.1 8B without its embedding and output
    seen = sum(len(e.input_ids) ** 2 for e in examples) / sum(len(e.input_ids) for e in examples)
    attention = 6 * 32 * 4096 * seen
    for forwards, times in ((3.0, 6), (2.0, 4)):
        expected = times * (layers + 0.5 * 4096 * 128_256) + attention
        assert shape.flop_per_token(examples, forwards) == pytest.approx(expected, rel=0.01)


def test_adapters_come_first_and_nothing_that_cannot_fit_is_tried() -> None:
    names = [f"{shape.name} {tuning.name}" for shape, tuning in run.pairs(SHAPES)]
    assert names[:3] == ["8B LoRA", "1.5B LoRA", "0.5B LoRA"]
    assert "8B full" not in names
    assert {"0.5B QLoRA", "0.5B full", "0.5B gradual", "1.5B full"} <= set(names)
    assert DRY[0].config().vocab_size == 512
