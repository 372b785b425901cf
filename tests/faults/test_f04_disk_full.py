"""Fault class 4: the disk is full. One clear error, no new version, and a store that verifies."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import polars as pl
import pytest
from click.testing import CliRunner

from tests.drafts import Line, make_draft
from tilth.shards.errors import StoreError
from tilth.shards.store import Store
from tilth.workbench.commands.tilth import main

TEXT = "text that does not compress: " + os.urandom(3_000).hex()


@pytest.mark.parametrize("percent", [1, 5, 10, 25, 50, 75, 90, 95, 99])
def test_a_disk_that_fills_up_leaves_the_old_version(tmp_path: Path, monkeypatch, percent: int) -> None:
    def write(root: Path, free_bytes: float) -> float:
        """Publish with so much space and return what is left of it."""
        opened = Path.open

        def limited(path: Path, mode: str = "r", **kwargs):
            file = opened(path, mode, **kwargs)
            return Limited(file) if mode == "xb" else file

        class Limited:
            def __init__(self, file) -> None:
                self.file, self.fileno = file, file.fileno

            def __enter__(self) -> Limited:
                return self

            def __exit__(self, *_: object) -> None:
                self.file.close()

            def write(self, view: memoryview) -> int:
                nonlocal free_bytes
                fits = view[: int(min(free_bytes, len(view)))]
                if not fits:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                free_bytes -= len(fits)
                return self.file.write(fits)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "open", limited)
            Store.open(root).publish("n", make_draft([Line("one"), Line(TEXT)]))
        return free_bytes

    roots = [tmp_path / "enough", tmp_path / "full"]
    ids = [Store.open(root).publish("n", make_draft([Line("one")]))[0].id for root in roots]
    needed = 10e9 - write(roots[0], 10e9)
    with pytest.raises(StoreError, match="no space left on device") as caught:
        write(roots[1], needed * percent / 100)
    assert "\n" not in str(caught.value) and TEXT not in str(caught.value)
    store = Store.open(roots[1])
    assert store.verify() == [] and not list(roots[1].rglob("*.tmp"))
    candidate = store.candidate("n").id
    assert (
        candidate == ids[1] or len(store.version_ids()) == 2
    )  # a full disk after the ref moved loses a receipt
    assert (
        store.publish("n", make_draft([Line("one"), Line(TEXT)]))[0].id
        == Store.open(roots[0]).candidate("n").id
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_store_one_may_not_write_says_so(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "store")
    store.publish("n", make_draft([Line("one")]))
    store.root.joinpath("versions").chmod(0o500)
    with pytest.raises(StoreError, match="permission denied"):
        store.publish("n", make_draft([Line("two")]))
    store.root.joinpath("versions").chmod(0o700)
    assert store.verify() == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        pl.exceptions.ComputeError("parquet: underlying IO error: No space left on device (os error 28)"),
        OSError("error writing bytes to file. detail: [errno 28] no space left on device"),
        StoreError("cache/x.arrow", "no space left on device"),
    ],
)
def test_whoever_notices_a_curation_that_fills_the_disk_it_is_one_line_with_what_is_needed(
    tmp_path: Path, monkeypatch, error: Exception
) -> None:
    rows = [{"prompt": f"Where is {n}?", "response": f"It is at {n}."} for n in range(20)]
    data = tmp_path / "d.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    (tmp_path / "r.yaml").write_text("name: d\nsources: [{path: d.jsonl}]\n")

    def full(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("tilth.curation.curate.combine", full)
    done = CliRunner().invoke(main, ["curate", str(tmp_path / "r.yaml")])
    assert isinstance(done.exception, SystemExit)
    assert done.exit_code == 1
    [line] = done.output.splitlines()
    assert "no space left on device: " in line
    assert f"about {4 * data.stat().st_size / 1e6:,.1f} MB are needed" in line
    assert [path.name for path in (tmp_path / ".tilth" / "tmp").iterdir()] == ["lock"]


def test_other_commands_say_it_in_one_line_too(tmp_path: Path, monkeypatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise pl.exceptions.ComputeError("No space left on device (os error 28)")

    monkeypatch.setattr("tilth.workbench.looking.doctor.examine", full)
    done = CliRunner().invoke(main, ["doctor", str(tmp_path / "x.jsonl")])
    assert isinstance(done.exception, SystemExit)
    [line] = done.output.splitlines()
    assert "no space left on device" in line
