"""Fault class 46: names of files and columns that are YAML, markup, globs or orders to a terminal. They stay names."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from click.testing import CliRunner

from tilth.workbench.commands.tilth import main
from tilth.workbench.recipes.recipe_file import load

PIECES = (
    *(
        "\n",
        ": ",
        " #",
        "- ",
        "{",
        "}",
        "[",
        "]",
        "*",
        "&a",
        "!t",
        "\x1b[31m",
        "\u202e",
        "'",
        '"',
        "\\",
        "%",
        "$(x)",
        "~",
    ),
    *("limits: {max_line_bytes: 9}", "[/bold]", "[red]", "a", "1", "\t", "`", "é", "📦"),
)


def odd(draw: random.Random) -> str:
    return "".join(draw.choices(PIECES, k=draw.randrange(1, 6)))


@pytest.mark.parametrize("seed", range(6))
def test_names_stay_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    draw = random.Random(seed)
    monkeypatch.chdir(tmp_path)
    data = Path(f"{odd(draw)}{seed}.jsonl".replace("/", ""))
    row = {odd(draw): f"Where is {odd(draw)}?", odd(draw) + "2": "It is here.", odd(draw) + "3": 4}
    if seed % 2:
        row |= {"prompt": "Where is it?", "response": "It is on the shelf."}
    data.write_text(json.dumps(row) + "\n")
    done = CliRunner().invoke(main, ["init", str(data)])
    assert done.exit_code == 0, (done.output, done.exception)
    assert not set("\x1b\u202e") & set(done.output)
    recipe = load(Path("recipe.yaml"), ())
    assert [source.path for source in recipe.sources] == [str(data)]
    assert recipe.limits.max_line_bytes != 9
    for words in (["doctor", str(data)], ["validate", str(data)], ["curate", "recipe.yaml"]):
        done = CliRunner().invoke(main, words)
        assert done.exception is None or isinstance(done.exception, SystemExit), (words, done.exception)
        assert not set("\x1b\u202e") & set(done.output), words
