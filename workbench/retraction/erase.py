"""tilth erase: rows whose text is to be nowhere in a store, and the proof of it.

What is done: the record (from then on no curation reads their text), the files beside the objects, the objects, the
exports, the search. `erasing.json` names the step; whoever opens the store next does the rest where it was killed.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from tilth.shards import atomic, erasure
from tilth.shards.digest import canonical_json
from tilth.shards.errors import StoreError
from tilth.shards.passages import PASSAGE_BYTES, Passages, passages_of
from tilth.shards.retractions import Kind
from tilth.workbench.retraction.erased_files import (
    Erased,
    clean_files,
    export_again,
    exports_of,
    relative,
    require_quiet,
)
from tilth.workbench.retraction.named_rows import Named, about, find
from tilth.workbench.retraction.retract import require_meant

if TYPE_CHECKING:
    from tilth.shards.store import Store

MARK = "erasing.json"
RECEIPT = "erase"
FILES, OBJECTS = "files", "objects"


def erase(store: Store, named: Named, *, reason: str, yes: bool, dry_run: bool) -> dict[str, Any]:
    """Erase the named rows; return `about` them with what was changed and what a search found afterwards.

    Raises UsageError where nothing is named, or everything without `yes`; Busy while a run is trained.
    """
    ids = find(store, named)
    facts = about(store, ids)
    require_meant(facts, "erase", yes=yes)
    if dry_run or not ids.len():
        return {**facts, "done": False}
    with store.lock():
        require_quiet(store)
        entry = store.retract(Kind.ERASE, ids, chosen_by=named.by, reason=reason)
        _mark(store, entry.number, FILES)
        return {**facts, "done": True, "number": entry.number, **finish(store)}


def is_unfinished(root: Path) -> bool:
    """Return whether an erasure of this store was begun and not ended."""
    return (root / MARK).is_file()


def finish(store: Store) -> dict[str, Any]:
    """Do what is left of an erasure that was begun, and keep a receipt of it.

    Keys: changed (files), replaced (objects), exports, shared (ids of other rows that hold the same words), unsought
    (rows without a passage long enough to look for), files and bytes searched, left (files that still hold any).
    """
    with store.lock():
        mark = json.loads((store.root / MARK).read_bytes())
        number = int(mark["number"])
        ids = store.objects.frame(store.retractions.entry(number).record.rows)["row_id"]
        changed: list[str] = []
        if mark["step"] == FILES:
            texts = erasure.texts_of(store.objects, ids)
            passages = Passages.of(texts)
            erasure.keep_passages(store, number, passages)
            changed = clean_files(store, Erased(passages, ids))
            _mark(store, number, OBJECTS, unsought=_unsought(texts, ids), said=_kept_words(store, texts))
            mark = json.loads((store.root / MARK).read_bytes())
        replaced = erasure.rewrite(store, ids)
        exports = export_again(store, ids)
        passages = erasure.kept_passages(store, number)
        passages = passages.without(erasure.shared(store.objects, passages))
        erasure.keep_passages(store, number, passages)
        facts = {
            "changed": changed,
            "replaced": len(replaced),
            "exports": exports,
            "shared": mark["said"],
            "unsought": mark["unsought"],
            **searched(store, passages),
        }
        store.add_receipt(RECEIPT, f"{number:06d}", {**facts, "rows": ids.len()})
        with atomic.storage_errors(store.root):
            (store.root / MARK).unlink()
            atomic.sync_folder(store.root)
        return facts


def searched(store: Store, passages: Passages | None = None) -> dict[str, Any]:
    """Search every byte of the store and of its exports; return files, bytes, left (the files that hold any)."""
    known = erasure.kept_passages(store) if passages is None else passages
    left, files, size = erasure.search(store.root, known)
    for _, folder in exports_of(store):
        more = erasure.search(folder, known)
        left, files, size = left + more[0], files + more[1], size + more[2]
    return {"files": files, "bytes": size, "left": relative([one.path for one in left], store.root)}


def verified(store: Store) -> dict[str, Any]:
    """Return what a search for everything that was ever erased finds: erasures, rows, passages, and `searched`."""
    known = erasure.kept_passages(store)
    erased = [e for e in store.retractions.effective() if e.record.kind is Kind.ERASE]
    return {
        "erasures": len(erased),
        "rows": store.retractions.erased().len(),
        "sought": known.frame["row_id"].n_unique(),
        "passages": known.frame.select("row_id", "passage").n_unique(),
        **searched(store, known),
    }


def _mark(store: Store, number: int, step: str, **known: Any) -> None:
    atomic.write_file(store.root / MARK, canonical_json({"number": number, "step": step, **known}))


def _unsought(texts: dict[bytes, list[str]], ids: pl.Series) -> int:
    """Return how many rows have no passage that is long enough to be looked for."""
    return sum(not passages_of(texts.get(row, []), 1) for row in ids)


def _kept_words(store: Store, texts: dict[bytes, list[str]]) -> list[str]:
    """Return the ids of rows that stay and hold the first words of an erased text, the first few of them."""
    firsts = [own[0] for said in texts.values() if (own := passages_of(said, 1))]
    found = erasure.rows_that_share(store.objects, firsts)
    gone = pl.Series("row_id", list(texts), dtype=pl.Binary)
    return [row.hex() for row in found.filter(~found.is_in(gone.implode()))][:20]


def lines(facts: dict[str, Any]) -> list[str]:
    """Return what a person is told of an erasure, a line each."""
    said = [
        f"{'erased' if facts['done'] else 'would erase'} {facts['rows']:,} rows, {facts['lines']:,} lines of input"
    ]
    if facts["places"]:
        said.append(f"your sources still hold them: {', '.join(facts['places'])}")
    for name, rows in facts["returning"].items():
        if rows:
            said.append(
                f"{rows:,} rows of {name} that said the same come back; --with-duplicates erases them too"
            )
    for model in facts["models"]:
        said.append(
            f"run {model['run_id']} learned {model['rows']:,} of them: train again on the next version, and remove "
            f"{model['folder']} and what was made of it"
        )
    if facts["done"]:
        said += after(facts)
    return said


def after(facts: dict[str, Any]) -> list[str]:
    """Return what a person is told of what was done, a line each."""
    said = [
        f"{facts['replaced']:,} objects, {len(facts['changed']):,} files and {len(facts['exports']):,} exports written "
        f"anew; {facts['bytes']:,} bytes in {facts['files']:,} files searched: "
        + ("nothing is left" if not facts["left"] else f"LEFT in {', '.join(facts['left'])}")
    ]
    if facts["shared"]:
        said.append(
            f"rows that stay begin with the same words: {', '.join(row[:12] for row in facts['shared'])}"
        )
    if facts["unsought"]:
        said.append(
            f"{facts['unsought']:,} rows hold no {PASSAGE_BYTES} bytes on end to search for; they went by their id"
        )
    return [*said, "copies elsewhere (sources, backups, models, exports that were moved) are yours to remove",
            "next: curate RECIPE"]  # fmt: skip


def require_nothing_left(facts: dict[str, Any]) -> None:
    """Raise StoreError where a search found something."""
    if facts["left"]:
        raise StoreError(
            ", ".join(facts["left"][:5]),
            f"{len(facts['left'])} files still hold an erased text",
            "The store is not clean",
            "Remove these files, then say: tilth verify --erased",
        )
