"""Reading JSON lines: how fast into checked tables, in how much memory, and what a bad line costs.

Beside polars, orjson, datasets and pandas, which check less and keep what they read in memory.
"""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.inputs.sample import REAL
from benchmarks.tools.readers import READERS
from benchmarks.tools.record import ROOT
from tests.faults.test_f10_hostile_lines import HOSTILE

ROWS, ROW_CHARS = 40_000, 700
TIMES_LARGER = 8
RUNS = 3
GOOD_ROWS = 1000
NAMES = {
    "tilth": "tilth",
    "polars": "polars.read_ndjson",
    "polars_ignoring_errors": "polars.read_ndjson(ignore_errors)",
    "orjson_lines": "orjson a line",
    "datasets": "datasets.load_dataset",
    "pandas": "pandas.read_json",
}


def measure() -> dict[str, Any]:
    """Return rows and megabytes a CPU-second and peak memory of every reader, and what hostile lines do to it."""
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        files = {name: _write(folder / f"{name}.jsonl", make) for name, make in SHAPES.items()}
        if REAL:
            files["sft_mix"] = _plain(REAL / "sft" / "sft_mix.jsonl.zst", folder)
        speed = {
            name: {NAMES[reader]: _speed(reader, path) for reader in READERS} for name, path in files.items()
        }
        large = folder / "large.jsonl"
        with large.open("wb") as out:
            for _ in range(TIMES_LARGER):
                out.write(files["chat"].read_bytes())
        memory = {
            NAMES[reader]: {
                "peak_mib": speed["chat"][NAMES[reader]].get("peak_mib"),
                f"peak_mib_of_a_file_{TIMES_LARGER}_times_larger": _speed(reader, large).get("peak_mib"),
            }
            for reader in ("tilth", "polars", "datasets")
        }
        return {
            "versions": {name: version(name) for name in ("polars", "orjson", "datasets", "pandas")},
            "speed": speed,
            "memory": memory,
            "hostile": _hostile(folder),
        }


def _chat(text: Callable[[int], str], n: int) -> dict[str, Any]:
    messages = [
        {"role": "user", "content": text(150)},
        {"role": "assistant", "content": text(ROW_CHARS - 150)},
    ]
    return {"id": n, "messages": messages, "source": "web", "score": 0.5}


def _instruction(text: Callable[[int], str], n: int) -> dict[str, Any]:
    context = text(100) if n % 2 else ""
    return {
        "instruction": text(150),
        "input": context,
        "output": text(ROW_CHARS - 150 - len(context)),
        "id": f"row-{n}",
    }


def _pair(text: Callable[[int], str], n: int) -> dict[str, Any]:
    return {"prompt": text(150), "response": text(ROW_CHARS - 150), "lang": "en", "meta": {"page": n}}


SHAPES = {"chat": _chat, "instruction_input_output": _instruction, "prompt_response": _pair}


def _write(path: Path, make: Callable[[Callable[[int], str], int], dict[str, Any]]) -> Path:
    """Write ROWS rows of words with some quotes, line breaks and letters beyond ASCII, always the same."""
    chance = random.Random(3)
    words = [
        "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=chance.randint(2, 10))) for _ in range(5000)
    ]
    words += ["é", "it's", 'say "so"', "end.\n", "naïve", "•"] * 50

    def text(chars: int) -> str:
        return " ".join(chance.choices(words, k=chars // 6))[:chars]

    with path.open("w", encoding="utf-8") as out:
        for n in range(ROWS):
            out.write(json.dumps(make(text, n), ensure_ascii=False) + "\n")
    return path


def _plain(stored: Path, folder: Path) -> Path:
    import zstandard

    path = folder / stored.stem
    with stored.open("rb") as file:
        path.write_bytes(zstandard.ZstdDecompressor().stream_reader(file).read())
    return path


def _run(reader: str, *arguments: str) -> tuple[list[dict[str, Any]], str | None]:
    """Run a reader by itself; return the lines it printed, and how it ended if not well."""
    command = [sys.executable, "-m", "benchmarks.tools.readers", reader, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    printed = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode < 0:
        return printed, f"killed by {signal.Signals(-done.returncode).name}"
    return printed, "raised" if done.returncode else None


def _speed(reader: str, path: Path) -> dict[str, Any]:
    printed = [line for _ in range(RUNS if reader == "tilth" else 1) for line in _run(reader, str(path))[0]]
    if not printed:
        return {"unavailable": "it raised"}
    best = min(printed, key=lambda run: run["cpu_s"])
    return {
        "rows": best["rows"],
        "rows_per_cpu_s": round(best["rows"] / best["cpu_s"]),
        "mb_per_cpu_s": round(path.stat().st_size / 1e6 / best["cpu_s"]),
        "peak_mib": best["peak_mib"],
    }


def _hostile(folder: Path) -> dict[str, dict[str, int]]:
    """Return for every reader how many of the hostile lines of fault class 10 end how, each among good rows."""
    good = [json.dumps({"prompt": f"question {n}", "response": "A"}).encode() for n in range(GOOD_ROWS)]
    lines = [line for line, reason in HOSTILE if reason != "too_long"]
    lines.append(b'{"prompt":"Q","response":"A","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}")
    paths = [folder / f"hostile-{number}.jsonl" for number in range(len(lines))]
    for path, line in zip(paths, lines, strict=True):
        path.write_bytes(b"\n".join([*good[: GOOD_ROWS // 2], line, *good[GOOD_ROWS // 2 :]]) + b"\n")
    counts = {NAMES[reader]: dict(Counter(map(_outcome, _all(reader, paths)))) for reader in READERS}
    return {"lines": {"hostile": len(lines), "good_around_each": GOOD_ROWS}} | counts


def _all(reader: str, paths: list[Path]) -> list[dict[str, Any]]:
    """Read every file, starting again behind one that kills the process."""
    found: list[dict[str, Any]] = []
    while len(found) < len(paths):
        printed, ended = _run(reader, str(GOOD_ROWS), *map(str, paths[len(found) :]))
        found += printed
        if ended:
            found.append({"ended": ended})
    return found


def _outcome(run: dict[str, Any]) -> str:
    if "ended" in run:
        return f"{run['ended']}: no row"
    if run["kept"] < GOOD_ROWS:
        return "good rows lost in silence"
    if run["reported"]:
        return "every good row kept, the line reported"
    return "the line taken for a row" if run["odd_rows"] else "the line dropped in silence"
