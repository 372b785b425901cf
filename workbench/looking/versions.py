"""Finding a store that is there already, and a version in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tilth.shards.errors import ChecksFailed, UsageError
from tilth.workbench.session import opened

if TYPE_CHECKING:
    from pathlib import Path

    from tilth.shards.store import Store
    from tilth.shards.version import Version


def open_existing(path: Path) -> Store:
    """Open a store that must be there already. Raises UsageError."""
    if not (path / "format").is_file():
        raise UsageError(
            str(path), "there is no store here", next_step="run curate first, or name the folder with --store"
        )
    return opened(path)


def require_checked(version: Version, *, anyway: bool) -> None:
    """Raise ChecksFailed for a version whose checks failed, unless it is wanted `anyway`."""
    failed = sorted(name for name, passed in version.manifest.checks.items() if not passed)
    if failed and not anyway:
        raise ChecksFailed(
            f"version {version.short}",
            f"failed checks: {', '.join(failed)}",
            "Nothing was done with it",
            "Mend recipe or data and curate again, or say --anyway",
        )


def only_name(store: Store, name: str | None) -> str:
    """Return `name`, or the only name of the store. Raises UsageError where it holds none or several."""
    names = store.names()
    if name is None and len(names) != 1:
        raise UsageError(
            str(store.root),
            f"holds {len(names)} names",
            next_step=f"name one of: {', '.join(names) or 'none yet'}",
        )
    return name or names[0]


def version_of(store: Store, version_id: str | None) -> Version:
    """Return the version named, or the candidate of the only name. Raises UsageError."""
    if version_id:
        return store.version(version_id)
    version = store.candidate(only_name(store, None))
    if version is None:
        raise UsageError(str(store.root), "there is no version yet", next_step="run: curate RECIPE")
    return version
