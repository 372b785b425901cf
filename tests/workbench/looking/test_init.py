"""A recipe is written from data that nobody vouches for: its names stay names, its readings are shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rich.console import Console
from ruamel.yaml import YAML

from tilth.workbench.looking.init import write_recipe


def written(folder: Path, row: dict[str, object], name: str = "d.jsonl") -> tuple[dict[str, object], str]:
    """Return the recipe that is written for a file of one row, and what the screen says."""
    (folder / name).write_text(json.dumps(row) + "\n")
    screen = Console(record=True, width=200)
    write_recipe([str(folder / name)], "none", folder / "r.yaml", screen)
    return YAML(typ="safe").load(folder / "r.yaml"), screen.export_text()


@pytest.mark.parametrize("name", ["d.jsonl", "a: b #c.jsonl", "- x.jsonl"])
def test_names_write_no_keys(tmp_path: Path, name: str) -> None:
    hostile = "a\n  - path: /etc/hostname\n    map: {text: a}\nlimits: {max_line_bytes: 99} #"
    for row in ({hostile: "v", "q": "w"}, {"prompt": "Q", "response": "A", hostile: "v"}):
        recipe, _ = written(tmp_path, row, name)
        (tmp_path / "r.yaml").unlink()
        (source,) = recipe["sources"]
        assert source["path"].endswith(name)
        assert "limits" not in recipe


def test_what_is_unread_and_what_else_fits_are_shown(tmp_path: Path) -> None:
    row = {"instruction": "Q", "output": "A", "text": "### Q ### A", "meta": {"a": 1}}
    _, screen = written(tmp_path, row)
    assert "unread meta: 1" in screen
    assert "instruction (prompt: instruction, response: output) taken" in screen
    assert "document (text: text) fits too" in screen
    assert "document: ### Q ### A" in screen
