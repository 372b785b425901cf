"""Class 1: curate is killed at any moment. The store stays whole, and the rerun ends in the same version."""

from __future__ import annotations

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.reading import FULL
from tests.workbench.conftest import content_of, question
from tilth.shards.store import Store
from tilth.validators.recipe import Checks
from tilth.workbench.commands import curate

KILLS, WHAT_IF_KILLS = (50, 10) if FULL else (4, 1)
ROWS = 3_000 if FULL else 800
BOUNDS = ("--what-if", "dedup.near_jaccard=0.5")
# Without a check Great Expectations is not imported, which takes seconds in every process.
NO_CHECKS = f"checks: {{{', '.join(f'{name}: null' for name in Checks.model_fields)}}}\n"
DEADLINE_S = 120
IMPORTS_S = 1.0  # what a fresh process imports after its work began
WHAT_IF_S = 0.2
LINUX_ONLY = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to see processes")


def write_sources(folder: Path, files: int) -> Path:
    """Write ROWS rows, copies and lines that are none over some files; return a recipe for them."""
    for number in range(files):
        lines = [json.dumps(question(n)) for n in range(number, ROWS, files)]
        lines += [lines[1], '{"messages": ', "", json.dumps({**question(number), "messages": []})]
        (folder / f"rows{number}.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    recipe = folder / "recipe.yaml"
    sources = 'sources: [{path: "rows*.jsonl"}]'
    recipe.write_text(f"name: desk\n{sources}\ncuration: {{slice_by: [topic]}}\n{NO_CHECKS}")
    return recipe


def start(recipe: Path, store: Path, *words: str) -> subprocess.Popen[bytes]:
    """Start curate in a process group of its own."""
    command = [sys.executable, "-m", "tilth.workbench.commands.curate", str(recipe), "--store", str(store)]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen([*command, *words], start_new_session=True, **silent)


def start_in_small_ranges(recipe: Path, store: Path) -> subprocess.Popen[bytes]:
    """Start curate as if so few rows were enough for several processes."""
    code = (
        "import runpy; from tilth.curation.run.kept import shuffle; shuffle.RANGE_ROWS = 20; "
        "runpy.run_module('tilth.workbench.commands.curate', run_name='__main__')"
    )
    command = [sys.executable, "-c", code, str(recipe), "--store", str(store)]
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    return subprocess.Popen(command, start_new_session=True, **silent)


def wait_until(true: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def kill_at(process: subprocess.Popen[bytes], begun: Callable[[], object], wait_s: float) -> bool:
    """Kill a process `wait_s` seconds after it has begun; return whether it was still at work."""
    wait_until(lambda: begun() or process.poll() is not None, "it never began")
    time.sleep(wait_s)
    process.kill()
    return process.wait() == -signal.SIGKILL


def run(recipe: Path, store: Path, *words: str) -> dict[str, Any]:
    """Run curate to its end here and return what it says."""
    done = CliRunner().invoke(curate.main, [str(recipe), "--store", str(store), "--json", *words])
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def moments(count: int) -> list[float]:
    """Return one uniform moment in each of `count` equal parts of a run, as a share of it."""
    chance = random.Random(1)
    return [(part + chance.random()) / count for part in range(count)]


def assert_whole(store: Path) -> None:
    """Assert that whatever is in the store was written to its end, and that no dead process holds it."""
    if not (store / "format").exists():
        return
    assert Store.open(store).verify() == []
    for lock in store.glob("**/*lock"):
        with lock.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)


def assert_rerun(recipe: Path, store: Path, whole: dict[str, Any]) -> None:
    """Assert that the rerun ends as the uninterrupted run did, and that nothing is left lying about."""
    again = run(recipe, store)
    counts = again["counts"]
    assert (again["id"], again["content_id"], counts) == (whole["id"], whole["content_id"], whole["counts"])
    assert counts["lines"] == counts["kept"] + counts["dropped"] + counts["quarantined"]
    assert counts["unaccounted"] == 0
    assert_whole(store)
    assert [path.name for path in (store / "tmp").iterdir()] == ["lock"]
    assert (store / "reports" / whole["id"][:12] / "report.html").is_file()
    assert Store.open(store).version_ids() == [whole["id"]]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, dict[str, Any]]:
    """A recipe, a store in which it was curated without interruption, and what came of it."""
    folder = tmp_path_factory.mktemp("desk")
    recipe = write_sources(folder, files=3)
    return recipe, folder / "whole", run(recipe, folder / "whole")


def test_killed_at_any_moment_the_rerun_ends_in_the_same_version(
    desk: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    recipe, store, whole = desk
    begun = time.monotonic()
    run(recipe, tmp_path / "timed")
    length_s = time.monotonic() - begun + IMPORTS_S
    for part in moments(KILLS):
        killed = False
        while not killed:
            store = tmp_path / f"store-{part:.6f}-{length_s:.6f}"
            killed = kill_at(start(recipe, store), (store / "tmp").exists, part * length_s)
            assert_whole(store)
            length_s *= 1 if killed else 0.8  # it had ended before: the machine is quicker than it was
        assert_rerun(recipe, store, whole)


def test_killed_during_what_if_nothing_changes(desk: tuple[Path, Path, dict[str, Any]]) -> None:
    recipe, store, whole = desk
    said = run(recipe, store, *BOUNDS)
    before = kept(store)
    for part in moments(WHAT_IF_KILLS):
        for path in (store / "cache").glob("**/*.parquet"):
            path.unlink()  # what is kept there is observed, and written, anew
        process = start(recipe, store, *BOUNDS)
        kill_at(process, lambda: any((store / "cache").glob("**/*.parquet")), part * WHAT_IF_S)
        assert kept(store) == before
        assert_whole(store)
        assert run(recipe, store, *BOUNDS) == said
    assert run(recipe, store)["id"] == whole["id"]


def kept(store: Path) -> dict[str, bytes]:
    """Return the files of a store that are no cache."""
    return {name: data for name, data in content_of(store).items() if not name.startswith("cache/")}


@LINUX_ONLY
def test_the_processes_of_a_killed_run_go_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if (os.cpu_count() or 1) < 2:
        pytest.skip("one core: curate starts no process")
    recipe = write_sources(tmp_path, files=6)
    store = tmp_path / "store"
    process = start_in_small_ranges(recipe, store)
    wait_until(lambda: len(alive(process.pid)) > 3, "it started no process")  # itself, the tracker, two
    process.kill()
    process.wait()
    wait_until(lambda: not alive(process.pid), "a process was left behind")
    assert_whole(store)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    assert_rerun(recipe, store, run(recipe, tmp_path / "other"))


def alive(group: int) -> list[int]:
    """Return the processes of a group that still run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of_group = path.read_text().rpartition(")")[2].split()[:3]
        except OSError:  # it ended meanwhile
            continue
        if int(of_group) == group and state not in "ZX":
            found.append(int(path.parent.name))
    return found
