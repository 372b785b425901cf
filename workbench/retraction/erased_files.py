"""Takes erased texts out of what stands beside the objects of a store: caches, pages, runs, exports."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tilth.shards import atomic
from tilth.shards.digest import canonical_json
from tilth.shards.erasure import parquet_of
from tilth.shards.export import export
from tilth.shards.lock import Lock
from tilth.shards.payloads import pieces
from tilth.validators.report import FACTS, PAGE, data_page

if TYPE_CHECKING:
    from tilth.shards.passages import Passages
    from tilth.shards.store import Store

ERASED = "[erased]"
FOLDERS = ("runs", "reports")
EXPORT = "export"  # the kind of the receipts that say where a version was exported to
WHOLE = (
    "check.json",
    "samples.json",
)  # of these an entry that holds any of it goes whole: token ids stand beside
LINES, TEXTS, PAGES = (".jsonl",), (".json",), (".html",)
WEIGHTS = (".safetensors", ".gguf", ".bin")
ROW_HEX = 12
_TAG = re.compile(r"(<[^>]*>)")


class Erased:
    """What is looked for: the passages of rows, and their ids."""

    def __init__(self, passages: Passages, ids: pl.Series) -> None:
        self.passages, self.ids = passages, ids
        whole = [row.hex() for row in ids]
        self.named = {*whole, *(row[:ROW_HEX] for row in whole)}

    def in_text(self, text: str) -> bool:
        """Return whether a text holds any of it."""
        return self.passages.stand_in(text)

    def cleaned(self, value: Any) -> Any:
        """Return plain JSON values without the entries of these rows and without the texts that hold any of theirs."""
        if isinstance(value, str):
            return ERASED if self.in_text(value) else value
        if isinstance(value, list):
            return [self.cleaned(one) for one in value if not self._is_row(one)]
        if isinstance(value, dict):
            return {key: self.cleaned(one) for key, one in value.items()}
        return value

    def _is_row(self, entry: Any) -> bool:
        return isinstance(entry, dict) and not self.named.isdisjoint(
            one for one in (entry.get("row"), entry.get("row_id")) if isinstance(one, str)
        )


def require_quiet(store: Store) -> None:
    """Raise Busy where a run is being trained: it would write what is being erased."""
    for lock in sorted((store.root / "runs").glob("*/lock")):
        with Lock(lock).held(0):
            pass


def clean_files(store: Store, erased: Erased) -> list[str]:
    """Empty the cache and take these rows out of pages and runs; return what was changed, by its path in the store."""
    changed = []
    with atomic.storage_errors(store.root):
        if store.cache.is_dir() and any(store.cache.iterdir()):
            changed.append("cache")
            shutil.rmtree(store.cache)
        store.cache.mkdir(exist_ok=True)
        for folder in FOLDERS:
            for path in sorted(path for path in (store.root / folder).rglob("*") if path.is_file()):
                if path.suffix not in WEIGHTS and _clean(path, erased):
                    changed.append(path.relative_to(store.root).as_posix())
    changed += [f"review/{name}.jsonl" for name in store.judgement_log.erase(erased.named)]
    return changed


def _clean(path: Path, erased: Erased) -> bool:
    """Take these rows out of a file; return whether it held any of them."""
    if path.suffix == ".parquet":
        return _clean_table(path, erased)
    data = path.read_bytes()
    after: bytes | None
    if path.suffix in TEXTS:
        after = _clean_json(path, data, erased)
    elif erased.passages.hits(pieces(path)).is_empty():
        return False
    elif path.suffix in LINES:
        kept = [line for line in data.split(b"\n") if not erased.in_text(line.decode("utf-8", "replace"))]
        after = b"\n".join(kept)
    elif path.suffix in PAGES:
        after = _clean_page(data.decode("utf-8", "replace"), erased).encode()
    else:
        after = _clean_lines(data, erased)
    if after == data:
        return False
    if after is None:
        path.unlink()
    else:
        atomic.write_file(path, after)
    if path.name == FACTS and after is not None:
        _render_again(path.with_name(PAGE), json.loads(after))
    return True


def _clean_json(path: Path, data: bytes, erased: Erased) -> bytes:
    try:
        value = json.loads(data)
    except ValueError:
        return _clean_lines(data, erased) or b""
    holder = value.get("prompts") if path.name in WHOLE and isinstance(value, dict) else value
    if path.name in WHOLE and isinstance(holder, list):
        holder[:] = [one for one in holder if not erased.in_text(json.dumps(one, ensure_ascii=False))]
    after = erased.cleaned(value)
    if after == json.loads(data):
        return data
    return (
        json.dumps(after, ensure_ascii=True, indent=1).encode() + b"\n"
        if path.name == FACTS
        else (canonical_json(after))
    )


def _render_again(page: Path, facts: dict[str, Any]) -> None:
    """Write the page of a version anew from its facts; of other pages the texts alone are taken out."""
    if page.is_file() and "taken" in facts and page.parent.parent.name == "reports":
        data_page(page.parent, facts)  # type: ignore[arg-type]


def _clean_page(page: str, erased: Erased) -> str:
    parts = _TAG.split(page)
    return "".join(
        ("" if part.startswith("<") else ERASED) if len(part) > 1 and erased.in_text(part) else part
        for part in parts
    )


def _clean_lines(data: bytes, erased: Erased) -> bytes | None:
    """Return a text without the lines that hold any of it, None where it is no text."""
    try:
        lines = data.decode().split("\n")
    except UnicodeDecodeError:
        return None
    return "\n".join(ERASED if erased.in_text(line) else line for line in lines).encode()


def _clean_table(path: Path, erased: Erased) -> bool:
    frame = pl.read_parquet(path, glob=False)
    after = frame
    if frame.schema.get("row_id") == pl.Binary:
        after = frame.filter(~pl.col("row_id").is_in(erased.ids.implode()))
    texts = [name for name, kind in after.schema.items() if kind == pl.String]
    for name in texts:
        held = [value is not None and erased.in_text(value) for value in after[name]]
        if any(held):
            said = pl.when(~pl.Series(held)).then(pl.col(name)).otherwise(pl.lit(ERASED))
            after = after.with_columns(said.alias(name))
    if after.equals(frame):
        return False
    atomic.write_file(path, parquet_of(after))
    return True


def exports_of(store: Store) -> list[tuple[str, Path]]:
    """Return version and folder of every export that was made of this store and is still where it was."""
    told = [(receipt["subject"], Path(receipt["folder"])) for receipt in store.receipts(EXPORT)]
    return [
        (version, folder) for version, folder in dict.fromkeys(told) if (folder / "croissant.json").is_file()
    ]


def export_again(store: Store, ids: pl.Series) -> list[str]:
    """Write the exports that hold any of these rows anew; return their folders.

    Killed at any step, the next call finds either the folder as it was or the new one beside it.
    """
    written = []
    for version_id, folder in _interrupted(store) + exports_of(store):
        ledger = folder / "ledger.parquet"
        fresh = folder.with_name(f".{folder.name}.erased")
        if ledger.is_file() and not _exported(ledger, ids):
            continue
        with atomic.storage_errors(folder):
            if folder.is_dir():
                shutil.rmtree(fresh, ignore_errors=True)
                export(store.version(version_id), fresh)
                atomic.step("exported anew")
                shutil.rmtree(folder)
            atomic.step("old export gone")
            fresh.replace(folder)
            atomic.sync_folder(folder.parent)
        written.append(str(folder))
    return written


def _interrupted(store: Store) -> list[tuple[str, Path]]:
    """Return the exports whose old folder is gone and whose new one is not in its place yet."""
    told = [(receipt["subject"], Path(receipt["folder"])) for receipt in store.receipts(EXPORT)]
    return [
        (version, folder)
        for version, folder in dict.fromkeys(told)
        if not (folder / "croissant.json").is_file()
        and (folder.with_name(f".{folder.name}.erased") / "croissant.json").is_file()
    ]


def _exported(ledger: Path, ids: pl.Series) -> bool:
    """Return whether an export still holds data of any of these rows."""
    held = pl.Series([row.hex() for row in ids], dtype=pl.String)
    names = [path for path in ledger.parent.rglob("*.parquet") if path != ledger]
    return any(
        bool(pl.read_parquet(path, columns=["id"], glob=False)["id"].is_in(held.implode()).any())
        for path in names
    )


def relative(paths: Iterable[Path], root: Path) -> list[str]:
    """Return paths as they stand in the store, whole where they do not."""
    return [path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path) for path in paths]
