"""Fault class 45: commands typed with odd words. A message and an exit code below 128, never a traceback."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click import Command, Option
from click.testing import CliRunner

from tilth.workbench.commands.tilth import main
from tilth.workbench.registry import command_names, command_of

ROUNDS, WORDS_A_ROUND = 2, 50
ODD = (
    *(
        "",
        " ",
        "-",
        "--",
        "0",
        "-1",
        "1e9",
        "nan",
        "[",
        "[/]",
        "[bold]",
        "*",
        "../..",
        "/",
        "/dev/null",
        "a\nb",
    ),
    *(
        "\x1b[31m",
        "\udcff",
        "é" * 300,
        "x" * 5000,
        "{}",
        "null",
        "HEAD",
        "a=b",
        "=",
        ".",
        "a.b=[",
        "%s",
        "${x}",
        "dir",
    ),
    *("d.jsonl", "recipe.yaml", "empty.jsonl", "d.candidate", "d", "name/../x", "training.base="),
    "curation.dedup.near_jaccard=9",
)
# They listen, train or go round for minutes on words that are none, or ask a terminal.
LONG = {"demo", "base", "serve"}


def options_of(command: Command) -> list[str]:
    """Return the flags of a command; what starts work that takes long is left out."""
    return [flag for option in command.params if isinstance(option, Option) for flag in option.opts]


def commands() -> list[tuple[list[str], Command]]:
    """Return every command with the words that name it."""
    found = []
    for name in command_names():
        if name in LONG:
            continue
        found.append(([name], command_of(name)))
        found += [([name, sub], command_of(sub, name)) for sub in command_names(name) if sub not in LONG]
    return found


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in a folder with a recipe, a version, a folder and an empty file."""
    monkeypatch.chdir(tmp_path)
    rows = [{"prompt": f"Where is {n}?", "response": f"It is on shelf {n}."} for n in range(12)]
    Path("d.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("recipe.yaml").write_text("name: d\nsources: [{path: d.jsonl}]\n")
    Path("empty.jsonl").touch()
    Path("dir").mkdir()
    assert CliRunner().invoke(main, ["curate", "recipe.yaml"]).exit_code == 0
    return tmp_path


@pytest.mark.parametrize("seed", range(ROUNDS))
def test_odd_words_end_in_a_message(store: Path, seed: int) -> None:
    draw = random.Random(seed)
    known = commands()
    for _ in range(WORDS_A_ROUND):
        words, command = draw.choice(known)
        typed = list(words)
        for _ in range(draw.randrange(4)):
            typed.append(draw.choice(ODD if draw.random() < 0.7 else options_of(command) or ODD))
        done = CliRunner().invoke(main, typed)
        assert done.exception is None or isinstance(done.exception, SystemExit), (typed, done.exception)
        assert done.exit_code < 128, typed
        assert "\x1b" not in done.output, typed
    assert CliRunner().invoke(main, ["verify"]).exit_code == 0
