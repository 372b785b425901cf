"""A small recipe that curates in a moment, and a way to run commands as a user does."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tilth.workbench.commands import curate, refresh, tilth, train, validate

COMMANDS: dict[str, Any] = {
    "curate": curate.main,
    "train": train.main,
    "validate": validate.main,
    "refresh": refresh.main,
    "tilth": tilth.main,
}
TOWNS = ("Nerith", "Pellam", "Garnel", "Hestmar", "Corvane", "Aldermo", "Falloby", "Brinvale")
GOODS = ("lamp", "radio", "kettle", "clock", "chair", "mirror", "bicycle", "piano", "lantern", "stove")


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, as JSON."""
        return json.loads(self.out)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Done]:
    """Run a command in a folder of its own."""
    monkeypatch.chdir(tmp_path)

    def call(name: str, *words: object) -> Done:
        result = CliRunner().invoke(COMMANDS[name], [str(w) for w in words])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Done(result.exit_code, result.stdout, result.stderr)

    return call


def question(n: int) -> dict[str, Any]:
    """Return one of many rows that no rule takes."""
    town, good = TOWNS[n % 8], GOODS[n // 8 % 10]
    asked = (
        f"Order {n}: the {good} for {town} came on day {n * 7 % 365} with {n % 13} scratches, who mends it?"
    )
    return {
        "messages": [
            {"role": "user", "content": asked},
            {"role": "assistant", "content": f"Bring number {n} to the repair desk in {town}."},
        ],
        "topic": "repairs" if n % 2 else "parcels",
    }


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """Write 120 good rows, a copy, an empty answer and a broken line, and a recipe for them."""
    lines = [json.dumps(question(n)) for n in range(120)]
    empty = question(500)
    empty["messages"][1]["content"] = " "
    lines += [lines[3], json.dumps(empty), '{"messages": ']
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = tmp_path / "recipe.yaml"
    path.write_text(
        "name: desk\nsources:\n  - path: rows.jsonl\n"
        "curation:\n  slice_by: [topic]\n  split: {feedback: 0.05, promotion: 0.05, final: 0.05}\n",
        encoding="utf-8",
    )
    return path


def content_of(folder: Path) -> dict[str, bytes]:
    """Return every file below a folder except locks and scratch."""
    found = {}
    for root, _, names in os.walk(folder):
        for name in names:
            path = Path(root) / name
            if name != "lock" and "tmp" not in path.relative_to(folder).parts:
                found[str(path.relative_to(folder))] = path.read_bytes()
    return found
