"""tilth gguf: llama.cpp's converter where it is installed, and how to get it where it is not."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.workbench.conftest import Done
from tilth.shards.store import Store
from tilth.workbench.looking.gguf import CONVERTER

Run = Callable[..., Done]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store = Store.open(tmp_path / ".tilth")
    folder = store.root / "runs" / "ab12cd"
    (folder / "merged").mkdir(parents=True)
    (folder / "run.json").write_text("{}")
    return folder


@pytest.fixture
def converter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A converter that writes what it was given."""
    path = tmp_path / "bin" / CONVERTER
    path.parent.mkdir()
    path.write_text('#!/bin/sh\necho "$1" > "$3"\n')
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{path.parent}{os.pathsep}{os.environ['PATH']}")
    return path


def test_the_converter_is_given_the_merged_weights(run: Run, folder: Path, converter: Path) -> None:
    done = run("tilth", "gguf", "ab")
    out = folder / "model.gguf"
    assert (done.code, Path(done.out.strip()).resolve()) == (0, out)
    assert Path(out.read_text().strip()).resolve() == folder / "merged"


def test_what_the_converter_says_is_passed_on(run: Run, folder: Path, converter: Path) -> None:
    converter.write_text("#!/bin/sh\necho 'Model Tiny is not supported' >&2\nexit 1\n")
    done = run("tilth", "gguf", "ab")
    assert (done.code, "Model Tiny is not supported" in done.err) == (1, True)


def test_without_a_converter_it_says_how_to_get_one(run: Run, folder: Path) -> None:
    done = run("tilth", "gguf", "ab")
    assert (done.code, "git clone" in done.err) == (2, True)


def test_an_adapter_alone_is_not_converted(run: Run, folder: Path, converter: Path) -> None:
    (folder / "merged").rmdir()
    done = run("tilth", "gguf", "ab")
    assert (done.code, "training.merge" in done.err) == (2, True)
