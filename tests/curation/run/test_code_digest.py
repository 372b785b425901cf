"""The code that a stage's digest covers: its module and what that imports of ours, and nothing else."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tilth.curation.recipe import parse
from tilth.curation.run.code_digest import _bytes_digest, _imports, code_digest, code_of
from tilth.curation.stage import registry

PACKAGE = {
    "__init__.py": "",
    "judge.py": "import re\nfrom typing import TYPE_CHECKING\nfrom seedbed import words\n"
    "from seedbed.pots.clay import glaze\n"
    "if TYPE_CHECKING:\n    from seedbed.typed import Thing\n"
    "def late():\n    from .lazy import grow\n    from tilth.shards.licences import spdx\n",
    "words.py": "WORDS = ('a',)\n",
    "lazy.py": "import seedbed.deep\ndef grow(): ...\n",
    "deep.py": "DEPTH = 2\n",
    "typed.py": "class Thing: ...\n",
    "other.py": "import seedbed.judge\n",
    "pots/__init__.py": "from seedbed.pots import porcelain\n",
    "pots/clay.py": "glaze = 1\n",
    "pots/colours.txt": "red\n",
    "pots/porcelain.py": "",
}
REACHED = {"judge.py", "words.py", "lazy.py", "deep.py", "pots/clay.py", "pots/colours.txt"}


@pytest.fixture
def seedbed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package whose module `judge` reaches some of the others."""
    for name, text in PACKAGE.items():
        path = tmp_path / "seedbed" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.import_module("seedbed")
    yield tmp_path / "seedbed"
    for name in [name for name in sys.modules if name.partition(".")[0] == "seedbed"]:
        del sys.modules[name]
    forget()


def forget() -> None:
    for kept in (code_digest, _imports, _bytes_digest):
        kept.cache_clear()


def digest() -> str:
    forget()
    return code_digest("seedbed.judge")


@pytest.mark.parametrize("name", PACKAGE)
def test_a_file_changes_the_digest_if_and_only_if_it_is_reached(seedbed: Path, name: str) -> None:
    before = digest()
    path = seedbed / name
    path.write_text(path.read_text() + "# a remark\n")
    assert (digest() != before) == (name in REACHED)
    path.write_text(PACKAGE[name])
    assert digest() == before


def test_code_of_ours_that_a_plugin_imports_counts(seedbed: Path) -> None:
    reached = code_of("seedbed.judge")
    assert "tilth.shards.licences" in reached and "re" not in reached and "seedbed.typed" not in reached


def test_a_name_that_is_no_module_reaches_its_package(seedbed: Path) -> None:
    (seedbed / "judge.py").write_text("from seedbed.pots import glaze\n")
    forget()
    assert set(code_of("seedbed.judge")) == {"seedbed.judge", "seedbed.pots", "seedbed.pots.porcelain"}


def test_stages_reach_the_kernels_they_lean_on_and_no_rule_beside_them() -> None:
    reached = {name: set(code_of(cls.__module__)) for name, cls in registry().items()}
    assert {"tilth.curation.similarity.near_join", "tilth.curation.similarity.shingles"} <= reached["dedup"]
    assert {"tilth.curation.language.kernel", "tilth.curation.stage"} <= reached["language"]
    assert "tilth.curation.rules.echo" in reached["echo"]
    for name, modules in reached.items():
        assert ("tilth.curation.rules.echo" in modules) == (name == "echo"), name
        assert "tilth.curation.run.local" not in modules, name


def test_every_default_stage_has_code(tmp_path: Path) -> None:
    assert all(code_of(type(stage).__module__) for stage in parse({}, tmp_path).stages)
