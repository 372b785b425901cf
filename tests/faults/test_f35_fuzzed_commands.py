"""Fault class 35: whatever a file holds, every command ends in an exit code and words, and every line has a fate."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet
import pytest
from click.testing import CliRunner

from tests.faults.test_f09_fuzzed_lines import mutate
from tests.faults.test_f34_fuzzed_files import FILES, flipped
from tests.reading import FULL, good
from tilth.workbench.commands import curate, tilth, validate

COUNT = 1_000 if FULL else 1  # of each format, dealt out among the commands: 12,000 in all
NAMES = (*FILES, "rows.parquet", "rows.arrow")
COMMANDS = ("doctor", "validate", "init", "curate")
CODES = {0, 1, 2, 3}  # done, failed, usage, a check that failed


def columnar(name: str) -> bytes:
    table = pa.Table.from_pylist([json.loads(good(n)) for n in range(12)])
    out = pa.BufferOutputStream()
    if name.endswith(".parquet"):
        pyarrow.parquet.write_table(table, out)
    else:
        pyarrow.feather.write_feather(table, out)
    return out.getvalue().to_pybytes()


def invoke(command: str, name: str, folder: Path) -> Any:
    if command == "curate":
        recipe = folder / "recipe.yaml"
        recipe.write_text(
            f"name: t\nsources: [{{path: {name}}}]\ncuration: {{decontaminate: null, split: null}}\n"
            "checks: {min_rows: null, max_unfinished: null, max_duplicate_rate: null, max_leak_rate: null, "
            "max_split_miss: null, max_quarantine_rate: null, max_source_loss: null, min_effective_rate: null}\n"
        )
        return CliRunner().invoke(curate.main, [recipe.name, "--json"])
    if command == "validate":
        return CliRunner().invoke(validate.main, [name])
    out = ["--out", "made.yaml", "--base", "x"] if command == "init" else []
    return CliRunner().invoke(tilth.main, [command, name, *out])


@pytest.mark.parametrize("name", NAMES)
def test_no_command_falls_over_a_mutated_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    whole, chance = FILES[name]() if name in FILES else columnar(name), random.Random(f"35 {name}")
    monkeypatch.chdir(tmp_path)
    for number in range(COUNT):
        data = mutate(whole, chance) if number // len(COMMANDS) % 2 else flipped(whole, chance)
        (tmp_path / name).write_bytes(data)
        (tmp_path / "made.yaml").unlink(missing_ok=True)
        command = COMMANDS[(number + NAMES.index(name)) % len(COMMANDS)]
        done = invoke(command, name, tmp_path)
        assert done.exception is None or isinstance(done.exception, SystemExit), (
            number,
            command,
            done.exception,
        )
        assert done.exit_code in CODES and "Traceback" not in done.output, (number, command, done.output)
        assert done.exit_code == 0 or done.output.strip(), (number, command)
        if command == "curate" and done.exit_code in (0, 3):
            counts = json.loads(done.stdout)["counts"]
            fates = counts["kept"] + counts["dropped"] + counts["quarantined"]
            assert counts["unaccounted"] == 0 and counts["lines"] == fates, (number, counts)
