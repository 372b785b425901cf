"""Fault class 3: the power goes. Nothing is named before its bytes are on the disk, nor relied on before its
name is: fsync(file) < rename or link < fsync(folder) < whatever comes next."""

from __future__ import annotations

import os
from pathlib import Path

from tests.drafts import Line, make_draft
from tilth.shards.store import Store


class Disk:
    """Watches the calls of the writer and says what would be lost, were the power to go now."""

    def __init__(self, monkeypatch) -> None:
        self.unsynced_files: set[int] = set()
        self.unsynced_names: set[Path] = set()
        self.named: list[str] = []
        self.faults: list[str] = []
        self._watch(monkeypatch)

    def _watch(self, monkeypatch) -> None:
        fsync, replace, link, opened = os.fsync, Path.replace, Path.hardlink_to, Path.open

        def watched_open(path: Path, mode: str = "r", *args, **kwargs):
            file = opened(path, mode, *args, **kwargs)
            if "x" in mode or "w" in mode:
                self.unsynced_files.add(os.fstat(file.fileno()).st_ino)
            return file

        def watched_fsync(descriptor: int) -> None:
            fsync(descriptor)
            node = os.fstat(descriptor)
            self.unsynced_files.discard(node.st_ino)
            self.unsynced_names = {p for p in self.unsynced_names if p.parent.stat().st_ino != node.st_ino}

        def name(source: Path, target: Path) -> None:
            if source.stat().st_ino in self.unsynced_files:
                self.faults.append(f"{target} was named before its bytes were synced")
            self.faults += [f"{target} came before the name {p} was synced" for p in self.unsynced_names]
            self.unsynced_names.add(target)
            self.named.append(target.parent.name)

        def watched_replace(source: Path, target: Path) -> Path:
            name(source, target)
            return replace(source, target)

        def watched_link(target: Path, source: Path) -> None:
            name(source, target)
            link(target, source)

        monkeypatch.setattr(os, "fsync", watched_fsync)
        monkeypatch.setattr(Path, "open", watched_open)
        monkeypatch.setattr(Path, "replace", watched_replace)
        monkeypatch.setattr(Path, "hardlink_to", watched_link)


def test_every_write_is_on_the_disk_before_the_next_relies_on_it(tmp_path: Path, monkeypatch) -> None:
    disk = Disk(monkeypatch)
    store = Store.open(tmp_path / "store")
    for lines in ([Line("one")], [Line("one"), Line("two")]):
        store.publish("n", make_draft(lines))
        store.promote("n")
    assert disk.faults == [] and not disk.unsynced_files and not disk.unsynced_names
    order = [folder for folder in disk.named if folder in ("versions", "refs")]
    assert order == ["versions", "refs", "refs"] * 2
    first_manifest = disk.named.index("versions")
    assert all(len(folder) == 2 or folder == "store" for folder in disk.named[:first_manifest])
