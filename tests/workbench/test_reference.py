"""The reference says what the code says, of everything there is."""

from __future__ import annotations

import re

import pytest

from tilth.curation.reading.formats import formats
from tilth.curation.stage import registry as stages
from tilth.training.evaluation import metric
from tilth.training.methods import method
from tilth.training.monitors import monitor
from tilth.validators.gate import CHECKS
from tilth.workbench.recipes.keys import recipe_keys
from tilth.workbench.reference import pages, stale

# The columns of a table that may be empty: not everything has a default, a unit or a past.
MAY_BE_EMPTY = {"default", "by default", "unit", "in old records", "suffixes", "finding: what follows"}


def test_no_page_is_stale() -> None:
    assert stale() == [], "run make reference"


def test_everything_that_can_be_named_is_there() -> None:
    written = pages()
    for page, names in {
        "stages.md": stages(),
        "monitors.md": monitor.registry(),
        "methods.md": method.registry(),
        "metrics.md": metric.registry(),
        "checks.md": CHECKS,
        "formats.md": formats(),
        "recipe.md": [key.path for key in recipe_keys()],
    }.items():
        assert [name for name in names if f"`{name}`" not in written[page]] == []
    assert all(f"({name})" in written["README.md"] for name in written if name != "README.md")


@pytest.mark.parametrize("page", [name for name in pages() if name != "README.md"])
def test_everything_that_is_there_has_a_sentence(page: str) -> None:
    titles: list[str] = []
    for line in pages()[page].splitlines():
        if not line.startswith("|"):
            titles = []
        elif not titles:
            titles = [cell.strip() for cell in line.strip("|").split("|")]
        elif not line.startswith("|---"):
            cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line[1:-1])]
            empty = [title for title, cell in zip(titles, cells, strict=True) if cell in ("", ".")]
            assert set(empty) <= MAY_BE_EMPTY, f"{page}: {line}"
