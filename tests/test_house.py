"""The rules of the house: who imports whom, how long a file is, what starts fast."""

from __future__ import annotations

import ast
import subprocess
import sys
import time
from pathlib import Path

import pytest

from docs import house

ROOT = Path(__file__).parents[1]
ROOMS = {
    "shards": set(),
    "validators": {"shards"},
    "curation": {"shards", "validators"},
    "training": {"shards", "validators"},
    "workbench": {"shards", "validators", "curation", "training", "data"},
    "data": set(),
}
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 60
MAX_PARAMETERS = 7
MAX_ENTRIES = 16  # at the top of a room
MAPPED = ("curation", "training", "workbench")
# Compiled kernels take arrays one by one, and click hands a command each of its options.
FREE_OF_PARAMETERS = {"njit", "kernel", "inner", "instruction", "command"}
BASE_SCRIPTS = {"pretrain.py", "induction.py", "tokenizer.py"}
VAGUE = {"utils", "util", "helpers", "common", "misc", "manager"}
COMMANDS = ("curate", "train", "validate", "refresh", "tilth")

FILES = sorted(path for room in ROOMS for path in (ROOT / room).rglob("*.py"))


def imported(tree: ast.AST) -> set[str]:
    """Return the dotted names of every module a file imports, at any depth."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def parameters(function: ast.FunctionDef) -> int:
    """Return how many parameters a function takes; none of what the rule does not bind counts."""
    called = (d.func if isinstance(d, ast.Call) else d for d in function.decorator_list)
    names = {d.attr if isinstance(d, ast.Attribute) else getattr(d, "id", "") for d in called}
    if names & FREE_OF_PARAMETERS:
        return 0
    given = function.args
    named = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    own = named[1:] if named[:1] in (["self"], ["cls"]) else named
    return len(own) + sum(rest is not None for rest in (given.vararg, given.kwarg))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_file_keeps_the_rules(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    room = path.relative_to(ROOT).parts[0]
    for name in imported(tree):
        parts = name.split(".")
        assert parts[0] not in ROOMS, f"import {name} as tilth.{name}"
        if parts[0] == "tilth" and len(parts) > 1:
            assert parts[1] in ROOMS[room] | {room}, f"{room} may not import {name}"
        if parts[0] in ("torch", "transformers", "peft"):
            # The base of the bundled world is made by scripts beside it, which no command imports.
            assert room == "training" or path.name in BASE_SCRIPTS, f"{room} may not import {parts[0]}"
    assert text.count("\n") <= MAX_FILE_LINES
    assert path.stem not in VAGUE
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            length = (node.end_lineno or 0) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{node.name} has {length} lines"
            assert parameters(node) <= MAX_PARAMETERS, f"{node.name} has {parameters(node)} parameters"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_tables_are_read_by_name(path: Path) -> None:
    """Polars takes a path for a pattern unless it is told not to: a folder named `[` cannot be read then."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    reads = [call for call in calls if ast.unparse(call.func) in ("pl.read_parquet", "pl.scan_parquet")]
    assert all(any(word.arg == "glob" for word in call.keywords) for call in reads)


def test_no_imports_go_round_in_a_circle() -> None:
    graph = house.imports(house.modules())
    assert house.cycles(graph) == []
    for room in MAPPED:
        assert house.cycles(house.gathered(graph, room)) == [], room


@pytest.mark.parametrize("room", MAPPED)
def test_a_room_is_seen_at_a_glance(room: str) -> None:
    assert house.entries(room) <= MAX_ENTRIES


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_immediate_and_imports_nothing_heavy(command: str) -> None:
    program = (
        "import sys, runpy\n"
        f"sys.argv = ['{command}', '--help']\n"
        "try:\n"
        f"    runpy.run_module('tilth.workbench.commands.{command}', run_name='__main__')\n"
        "except SystemExit as stop:\n"
        "    assert not stop.code\n"
        "heavy = {'polars', 'torch', 'pydantic', 'pyarrow', 'numba', 'great_expectations'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
        seconds.append(time.perf_counter() - started)
        assert done.returncode == 0, done.stderr
        assert "Usage:" in done.stdout
    # The bound is for an idle machine; a loaded one gets room, and heavy imports are refused above anyway.
    assert min(seconds) < 1.0
