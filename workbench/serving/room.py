"""What the views share: the store, its indexes, the recipe of a name, and the secret of the forms."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tilth.shards.errors import TilthError, UsageError
from tilth.shards.refs import CANDIDATE
from tilth.workbench.serving.gate import Keys
from tilth.workbench.serving.search.index import Index, index_key, open_index
from tilth.workbench.serving.search.query import Searcher

if TYPE_CHECKING:
    from tilth.shards.store import Store
    from tilth.shards.version import Version
    from tilth.workbench.recipes.sections import Recipe

OPEN_INDEXES = 2  # of versions at once, so that memory stays bounded


@dataclass
class Opening:
    """An index that is being made in the background."""

    done: int = 0
    total: int = 0
    error: str = ""


@dataclass
class Room:
    """The store and what is held of it between requests.

    user: who decides where no proxy and no cookie says. recipe_path: the recipe of What if, where the receipts of the
    store do not lead to it.
    """

    store: Store
    keys: Keys
    user: str
    read_only: bool = False
    user_header: str | None = None
    recipe_path: Path | None = None
    _searchers: OrderedDict[str, Searcher] = field(default_factory=OrderedDict)
    _openings: dict[str, Opening] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    kept: dict[Any, Any] = field(default_factory=dict)

    def version(self, key: str) -> Version:
        """Return a version by id, beginning or ref. Raises UsageError."""
        return self.store.version(key)

    def newest(self, name: str) -> Version:
        """Return the candidate of a name. Raises UsageError."""
        version = self.store.candidate(name) if name in self.store.names() else None
        if version is None:
            raise UsageError(
                f"name {name[:80]}", "has no version", next_step=f"known: {', '.join(self.store.names())}"
            )
        return version

    def searcher(self, version: Version, wait_s: float = 1.5) -> Searcher | Opening:
        """Return what answers searches of a version; while its index is being made, how far that is."""
        key = index_key(version)
        with self._lock:
            if key in self._searchers:
                self._searchers.move_to_end(key)
                return self._searchers[key]
            opening = self._openings.get(key)
            if opening is None:
                opening = self._openings[key] = Opening(total=version.manifest.counts.get("rows", 0))
                worker = threading.Thread(target=self._open, args=(key, version, opening), daemon=True)
                worker.start()
                opening.worker = worker  # type: ignore[attr-defined]
        opening.worker.join(wait_s)  # type: ignore[attr-defined]
        if opening.error:
            with self._lock:
                self._openings.pop(key, None)
            raise UsageError(
                f"version {version.short}", opening.error, "It cannot be searched", "See `tilth verify`"
            )
        return self._searchers.get(key, opening)

    def index(self, version: Version) -> Index | Opening:
        """Return the index of a version, or how far it is."""
        found = self.searcher(version, wait_s=30)
        return found.index if isinstance(found, Searcher) else found

    def _open(self, key: str, version: Version, opening: Opening) -> None:
        def report(done: int, total: int) -> None:
            opening.done, opening.total = done, total

        try:
            searcher = Searcher(open_index(self.store, version, report))
        except (TilthError, OSError) as error:
            opening.error = error.what if isinstance(error, TilthError) else str(error.strerror)
            return
        with self._lock:
            while len(self._searchers) >= OPEN_INDEXES:
                gone, _ = self._searchers.popitem(last=False)
                self.kept = {k: v for k, v in self.kept.items() if k[0] != gone}
            self._searchers[key] = searcher
            self._openings.pop(key, None)

    def recipe(self, name: str) -> Recipe | None:
        """Return the recipe that made the versions of a name, if it still lies where it did and can be read."""
        from tilth.workbench.recipes.recipe_file import load

        path = self.path_of_recipe(name)
        if path is None:
            return None
        try:
            recipe = load(path)
        except TilthError:
            return None
        return recipe if recipe.name == name else None

    def path_of_recipe(self, name: str) -> Path | None:
        """Return where the recipe of a name lies: as was said, or beside the store under the name in its receipts."""
        if self.recipe_path is not None:
            return self.recipe_path
        version = self.store.candidate(name)
        told = self.store.receipts("curate", version.id) if version else []
        names = [receipt["recipe"] for receipt in reversed(told) if isinstance(receipt.get("recipe"), str)]
        beside = [self.store.root.parent / one for one in names if Path(one).name == one]
        return next((path for path in beside if path.is_file()), None)

    def names_with_versions(self) -> list[str]:
        """Return the names that have a candidate, leaving out those whose ref is damaged."""
        found = []
        for name in self.store.names():
            try:
                if self.store.refs.read(name + CANDIDATE):
                    found.append(name)
            except TilthError:
                continue
        return found
