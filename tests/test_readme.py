"""README.md keeps its word: its commands run in the order they stand in."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.workbench.conftest import Done, run
from tilth.shards.store import Store

__all__ = ["run"]
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MAX_LINES = 120
ROWS = 160
NOT_RUN = {"git", "cd", "make"}  # they need the network, or are this suite
# Keys said after the README's own words, so that a test of words takes seconds.
FEW_STEPS = ("--set", "training.max_steps=4", "--set", "training.reload=false")
SHORT = {"train": FEW_STEPS, "refresh run": (*FEW_STEPS, "--set", "refresh.seeds=1")}
DECIDED = 3  # what a command ends with that ran and came to a "no": four steps make no model worth using


def blocks() -> list[tuple[str, str]]:
    """Return language and text of each block of code, in the order of the page."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)


def commands(block: str) -> Iterator[list[str]]:
    """Yield the words of each command of a block."""
    for line in block.splitlines():
        for part in line.partition("#")[0].split("&&"):
            words = shlex.split(part)
            if words and words[0] not in NOT_RUN:
                yield words


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with tickets of the bundled sample, and its base under the name of the one that is fetched."""
    with (ROOT / "data" / "sources" / "conversations.jsonl").open(encoding="utf-8") as lines:
        text = "".join(next(lines) for _ in range(ROWS))
    (tmp_path / "tickets.jsonl").write_text(text + near_pair(), encoding="utf-8")
    monkeypatch.setenv("TILTH_BASES", str(tmp_path / "bases"))
    shutil.copytree(ROOT / "data" / "base", tmp_path / "bases" / "smollm2-135m")
    return tmp_path


def near_pair() -> str:
    """Return two lines that are near duplicates; the first lines of the sample hold none."""
    asked = " ".join(
        f"Then the {thing} fell off its hook." for thing in ("coat", "lamp", "bell", "rope", "key")
    )
    answer = {
        "role": "assistant",
        "content": "Thank you. A carpenter comes on Monday and looks at the hooks.",
    }
    pair = (asked, f"{asked} Please help.")
    return "".join(
        json.dumps(
            {
                "conversation": "c99999",
                "slice": "chat",
                "messages": [{"role": "user", "content": text}, answer],
            }
        )
        + "\n"
        for text in pair
    )


def stand_ins(folder: Path) -> dict[str, str]:
    """Return what stands for the placeholders of the page: two versions and a row."""
    store = Store.open(folder / ".tilth")
    ids = store.version_ids()
    row_ids = store.version(ids[0]).ledger()["row_id"].drop_nulls()
    return {"OLD": ids[0], "NEW": ids[-1], "3f9a12": row_ids[0].hex()}


@pytest.mark.timeout(900)  # thirteen commands, each as a user starts it; half a minute of an idle processor
def test_every_command_runs_in_order(run: Callable[..., Done], desk: Path) -> None:
    count = 0
    for language, block in blocks():
        if language == "yaml":  # the commands below it speak of this recipe
            (desk / "recipe.yaml").write_text(block, encoding="utf-8")
            continue
        for name, *rest in commands(block):
            known = stand_ins(desk) if {"OLD", "NEW", "3f9a12"} & set(rest) else {}
            words = [name, *(known.get(word, word) for word in rest)]
            short = next((keys for start, keys in SHORT.items() if " ".join(words).startswith(start)), ())
            done = run(*words, *short)
            assert done.code in ((0, DECIDED) if short else (0,)), f"{words}: {done.out}{done.err}"
            count += 1
    assert count >= 10


def test_it_is_read_in_minutes() -> None:
    assert len(README.splitlines()) <= MAX_LINES
