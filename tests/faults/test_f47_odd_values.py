"""Fault class 47: values that no column should hold. `init`, `doctor` and `validate` look and say what is there."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tilth.workbench.commands.tilth import main

VALUES: tuple[Any, ...] = (
    *(None, True, 0, -1.5, 10**30, "", " ", "\x1b[31m[/b]", [], {}, [None], [[]], {"a": None}, "x" * 9_000),
    *([{"role": "user"}], [{"role": None, "content": None}], [{"content": "a"}, None, 3]),
)
GOOD = {
    "prompt": "Where is it?",
    "response": "On the shelf.",
    "text": "A text of its own.",
    "chosen": "yes",
    "rejected": "no",
    "messages": [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "Here."}],
}
SHAPES = (("prompt", "response"), ("messages",), ("text",), ("prompt", "chosen", "rejected"))


@pytest.mark.parametrize("seed", range(8))
def test_odd_values_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    draw = random.Random(seed)
    monkeypatch.chdir(tmp_path)
    columns = SHAPES[seed % len(SHAPES)]
    rows = [
        {name: draw.choice([GOOD[name], draw.choice(VALUES)]) for name in columns}
        for _ in range(draw.randrange(1, 6))
    ]
    rows += [{name: GOOD[name] for name in columns}] * draw.randrange(2)
    Path("d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for words in (["init", "d.jsonl"], ["doctor", "d.jsonl"], ["validate", "d.jsonl"]):
        done = CliRunner().invoke(main, words)
        assert done.exception is None or isinstance(done.exception, SystemExit), (words, rows, done.exception)
        assert done.output
        assert "\x1b" not in done.output
    assert Path("recipe.yaml").exists() == Path("recipe.schema.json").exists()
