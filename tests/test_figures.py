"""The figures that the pages show are those that were measured."""

from __future__ import annotations

import csv
import json
import math
import re
import struct
from collections.abc import Callable
from pathlib import Path

import pyarrow
import pytest

from benchmarks.tools import figures
from benchmarks.tools.figure_list import FIGURES

ROOT = Path(__file__).parents[1]
NUMBER = re.compile(r"(?<![\w.,])\d[\d,.]*\d|(?<![\w.,])\d|(?<![\w.])\.\d+")


def parameters_of_the_base() -> str:
    """Return how many millions of weights the bundled base holds, by the header of its file."""
    with (ROOT / "data" / "base" / "model.safetensors").open("rb") as file:
        header = json.loads(file.read(struct.unpack("<Q", file.read(8))[0]))
    return f"{sum(math.prod(t['shape']) for name, t in header.items() if name != '__metadata__') / 1e6:.1f}"


def lines_of_the_sample() -> str:
    """Return how many lines the sources of the sample hold."""
    sources = ROOT / "data" / "sources"
    with (sources / "task_cards.csv").open(encoding="utf-8", newline="") as file:
        count = sum(1 for _ in csv.reader(file)) - 1
    count += len((sources / "conversations.jsonl").read_bytes().splitlines())
    with pyarrow.input_stream(str(sources / "questions.jsonl.zst"), compression="zstd") as stream:
        count += len(stream.read().splitlines())
    return f"{count:,}"


# The figures in the prose of README.md, and where they come from. Those of the first line are no measurements.
DESCRIBED = {"3.11", "2", "2.0", "135"}  # the last in the name of a model
PROSE: dict[str, Callable[[], str]] = {"7,507": lines_of_the_sample, "1.1": parameters_of_the_base}


@pytest.mark.parametrize("page", figures.PAGES)
def test_a_page_shows_what_was_measured(page: str) -> None:
    assert figures.filled(page) == (ROOT / page).read_text(encoding="utf-8"), "stale: make figures"


def test_every_figure_in_the_prose_of_the_readme_is_known() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    text = text.replace(text[text.index(figures.START) : text.index(figures.END)], "")
    prose = re.sub(r"```.*?```|`[^`\n]*`|\(https?:[^)]*\)", "", text, flags=re.DOTALL)
    assert set(NUMBER.findall(prose)) - DESCRIBED == set(PROSE)
    for figure, counted in PROSE.items():
        assert counted() == figure


def test_a_cell_holds_one_figure() -> None:
    for figure in FIGURES:
        for cell in figures.cells(figure)[1:3]:
            numbers = NUMBER.findall(cell)
            assert (
                len(numbers) == (bool(cell) if figure.form != "of" else 2 * bool(cell))
                or figure.form == "text"
            )
