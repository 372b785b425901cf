"""The store: a folder of immutable objects and manifests, and the refs that name versions.

format          the format of the store
objects/        ab/abcd….parquet, .json: everything with a digest
versions/       ID.json: manifests, written last and only once
refs/           NAME.candidate, NAME
reflog/         NAME.jsonl: every move of a ref
feedback/       NAME/000001.json: digests of the feedback records, in order
review/         NAME.jsonl: what people decided about rows; see shards/judgement.py
receipts/       KIND/SUBJECT/000001.json: clock, host, figures
retractions/    000001.json: which rows may not be in the next version; see shards/retractions.py
replaced/       DIGEST.json: which object stands in the place of one that held an erased text
erased/         000001.passages: what an erasure is looked for by; see shards/passages.py
scores/         NAME.parquet: what models think of the rows; see shards/scores.py
runs/ reports/  of training and of the pages; not touched here
cache/          what barriers observed (curation/run/evidence.py); may be deleted at any time
tmp/ lock       scratch folders; the writers' lock
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from tilth.shards import atomic, check, gc, history
from tilth.shards.digest import sha256_hex
from tilth.shards.errors import Busy, ChecksFailed, CorruptObject, NewerFormat, StoreError, UsageError
from tilth.shards.feedback import FeedbackHeader
from tilth.shards.feedback_log import FeedbackLog
from tilth.shards.judgement_log import JudgementLog
from tilth.shards.lock import Lock, clear_scratch, scratch
from tilth.shards.manifest import Manifest
from tilth.shards.object import DIGEST, Objects, checked_digest
from tilth.shards.publish import Draft, write_version
from tilth.shards.receipts import Receipts
from tilth.shards.refs import CANDIDATE, Refs, checked_name
from tilth.shards.retractions import Entry, Kind, Retractions
from tilth.shards.scores import Scores
from tilth.shards.version import Version

FORMAT = 1
WRITE_WAIT_S = 60.0
MIN_PREFIX_HEX = 4


class Store:
    """An opened store. Reads need no lock; writes take it, within a `lock()` or for themselves."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.objects = Objects(root / "objects")
        self.refs = Refs(root)
        self._receipts = Receipts(root)
        self.feedback_log = FeedbackLog(root, self.objects)
        self.judgement_log = JudgementLog(root)
        self.scores = Scores(root, self.objects)
        self.retractions = Retractions(root, self.objects)
        self._lock = Lock(root / "lock")
        self.cleared_scratch = 0

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open the store at `path`, made if there is nothing. Raises NewerFormat, StoreError."""
        path = Path(path).absolute()
        mark = path / "format"
        with atomic.storage_errors(path):
            found = mark.read_text(encoding="utf-8", errors="replace").strip() if mark.is_file() else None
            if found is None:
                if path.exists() and (not path.is_dir() or any(not _is_temporary(p) for p in path.iterdir())):
                    raise StoreError(
                        str(path),
                        "not a Tilth store",
                        "Nothing was written",
                        "Name an empty folder with --store",
                    )
                path.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.chmod(0o700)  # it will hold people's texts
                atomic.create_file(mark, f"{FORMAT}\n".encode())
                found = str(FORMAT)
        if not found.isdecimal():
            raise StoreError(
                str(mark), "the format of the store is damaged", "Nothing was read", f"It held {FORMAT}"
            )
        if int(found) > FORMAT:
            raise NewerFormat(
                str(path),
                f"the store has format {found}, this Tilth reads up to {FORMAT}",
                "Nothing was read or written",
                "Upgrade Tilth, or name another store with --store",
            )
        store = cls(path)
        store.cleared_scratch = clear_scratch(path / "tmp")
        return store

    @contextmanager
    def lock(self, *, wait_s: float = 0) -> Iterator[None]:
        """Hold the writers' lock, waiting at most `wait_s` seconds; may be nested. Raises Busy."""
        with self._lock.held(wait_s):
            yield

    def workspace(self) -> AbstractContextManager[Path]:
        """Return a scratch folder, removed at the end; those of processes that died are removed now."""
        return scratch(self.root / "tmp")

    @property
    def cache(self) -> Path:
        """The folder of what can be made again."""
        return self.root / "cache"

    # Versions

    def publish(self, name: str, draft: Draft) -> tuple[Version, bool]:
        """Publish a draft as the new candidate of `name`; return it and whether it is news.

        A draft with the candidate's content id and inputs is no news: nothing is written. Otherwise objects
        come first, the manifest last, then the ref. Raises StoreError, with the refs as they were.
        """
        checked_name(name)
        with self.lock(wait_s=WRITE_WAIT_S):
            self._require_retractions(name, draft)
            parent = self.candidate(name)
            manifest, news = write_version(name, draft, parent, self.objects)
            if not news and parent:
                return parent, False
            for digest in manifest.closure():
                self.objects.find(digest)
            atomic.create_file(self._manifest_path(manifest.id), manifest.to_bytes())
            self._read_manifest(manifest.id)
            self.refs.move(name + CANDIDATE, manifest.id, "publish")
            self.add_receipt("publish", manifest.id, {"name": name})
            return self._open(manifest.id), True

    def names(self) -> list[str]:
        """Return the names that have a ref, in order."""
        return self.refs.names()

    def candidate(self, name: str) -> Version | None:
        """Return what curate last published under `name`, or None."""
        return self._at(name + CANDIDATE)

    def served(self, name: str) -> Version | None:
        """Return the promoted version of `name`, or None."""
        return self._at(name)

    def version(self, id_or_prefix_or_ref: str) -> Version:
        """Return a version by ref (NAME, NAME.candidate), id or unique prefix. Raises UsageError."""
        key = id_or_prefix_or_ref
        if key.removesuffix(CANDIDATE) in self.names() and (found := self._at(key)):
            return found
        if DIGEST.fullmatch(key):
            return self._open(key)
        ids = self.version_ids() if len(key) >= MIN_PREFIX_HEX else []
        matches = [version_id for version_id in ids if version_id.startswith(key)]
        if len(matches) == 1:
            return self._open(matches[0])
        what = f"{len(matches)} versions begin with {key!r}" if matches else f"no version or ref {key[:80]!r}"
        if key in self.names():
            raise UsageError(
                str(self.root),
                f"no version of {key!r} was promoted yet",
                "Nothing was done",
                f"Serve the candidate with `tilth promote {key}`, or name it: {key}{CANDIDATE}",
            )
        raise UsageError(
            str(self.root), what, "Nothing was done", f"Known names: {', '.join(self.names()) or 'none'}"
        )

    def version_ids(self) -> list[str]:
        """Return the id of every published version, in order of id."""
        return sorted(
            path.stem for path in (self.root / "versions").glob("*.json") if DIGEST.fullmatch(path.stem)
        )

    def promote(self, name: str, version_id: str | None = None) -> None:
        """Let `name` serve its candidate, or the version of its line that is named. Raises ChecksFailed, StoreError."""
        with self.lock(wait_s=WRITE_WAIT_S):
            candidate = self._candidate_or_error(name)
            if version_id is not None:
                if version_id not in history.ancestry(self, candidate.id):
                    what = f"{version_id[:12]} is no ancestor of its candidate {candidate.short}"
                    raise StoreError(name, what, "Nothing was changed", "See `tilth log`")
                candidate = self.version(version_id)
            failed = sorted(
                check_name for check_name, passed in candidate.manifest.checks.items() if not passed
            )
            if failed:
                raise ChecksFailed(
                    f"{name} {candidate.short}",
                    f"failed checks: {', '.join(failed)}",
                    "It stays the candidate and is not served",
                    f"See the report, change the recipe or the data, or run `tilth rollback {name}`",
                )
            if self.refs.read(name) != candidate.id:
                self.refs.move(name, candidate.id, "promote")

    def rollback(self, name: str, to: str | None = None) -> Version:
        """Move the candidate back to its parent, or to the version `to`; return it.

        What is served follows where it would otherwise be newer than the candidate, and where `to` is given
        and has passed its checks. Raises StoreError.
        """
        with self.lock(wait_s=WRITE_WAIT_S):
            candidate = self._candidate_or_error(name)
            parent = candidate.manifest.parent
            if to is None and parent is None:
                raise StoreError(
                    name,
                    f"{candidate.short} is the first version",
                    "Nothing was changed",
                    "There is none before it",
                )
            target = self.version(to or str(parent))
            if target.manifest.name != name:
                raise StoreError(
                    name,
                    f"{target.short} belongs to {target.manifest.name}",
                    "Nothing was changed",
                    "See `tilth log`",
                )
            served = self.refs.read(name)
            passed = all(target.manifest.checks.values())
            # The parent was served before if it is behind what is served now; else it may never have passed.
            served_follows = passed and (to is not None or target.id in history.ancestry(self, served))
            if served is not None and served != target.id and served_follows:
                self.refs.move(name, target.id, "rollback")
            self.refs.move(name + CANDIDATE, target.id, "rollback")
            return target

    def log(self, name: str) -> list[dict[str, Any]]:
        """Return the versions published under `name`, newest first.

        Each: id, content_id, parent, counts, checks, feedback, published_at, refs (those naming it now).
        """
        return history.log(self, name)

    # Feedback and receipts

    def add_feedback(
        self, name: str, header: FeedbackHeader, rows: pl.DataFrame, slices: pl.DataFrame
    ) -> str:
        """Append a feedback record to those of `name` and return its digest; adding it again changes nothing.

        The header's `rows`, `slices` and `row_count` are set here. Raises StoreError where the header names a
        version that is not here, or another content than that version's.
        """
        with self.lock(wait_s=WRITE_WAIT_S):
            version = self._open(checked_digest(header.version, f"feedback of {header.run_id}"))
            return self.feedback_log.add(checked_name(name), version, header, rows, slices)

    def feedback_digests(self, name: str) -> list[str]:
        """Return the digests of the feedback records of `name`, in order."""
        return self.feedback_log.digests(checked_name(name))

    def feedback(self, digest: str) -> tuple[FeedbackHeader, pl.DataFrame, pl.DataFrame]:
        """Return header, rows (FEEDBACK_ROWS) and slices (FEEDBACK_SLICES) of a record."""
        return self.feedback_log.read(digest)

    def add_scores(self, scorer: str, scores: pl.DataFrame) -> None:
        """Append what a scorer (a digest) says of some texts; see scores.py."""
        with self.lock(wait_s=WRITE_WAIT_S):
            self.scores.add(scorer, scores)

    def publish_scores(self, name: str, scores: pl.DataFrame) -> tuple[str, Path]:
        """Make these the scores of a name; return the digest of the object and the path that stays the same."""
        with self.lock(wait_s=WRITE_WAIT_S):
            return self.scores.publish(name, scores)

    def add_receipt(self, kind: str, subject: str, receipt: dict[str, Any]) -> None:
        """Keep figures about `subject` (a version, a run); time and host are added."""
        self._receipts.add(kind, subject, receipt)

    def receipts(self, kind: str | None = None, subject: str | None = None) -> list[dict[str, Any]]:
        """Return receipts, oldest first within a kind and subject."""
        return self._receipts.read(kind, subject)

    def retract(
        self, kind: Kind, row_ids: pl.Series, *, chosen_by: str, reason: str, of: int | None = None
    ) -> Entry:
        """Let no version published from now on keep these rows, or take such a record back. Raises StoreError."""
        with self.lock(wait_s=WRITE_WAIT_S):
            return self.retractions.add(kind, row_ids, chosen_by=chosen_by, reason=reason, of=of)

    # Care

    def gc(self, *, keep: int = 10, dry_run: bool = False) -> dict[str, int]:
        """Remove what no ref, none of its last `keep` ancestors and no feedback names; return what went.

        `scratch` counts the folders of killed runs, which went when the store was opened.
        """
        with self.lock(wait_s=WRITE_WAIT_S):
            return {**gc.collect(self, keep=keep, dry_run=dry_run), "scratch": self.cleared_scratch}

    def verify(self, version: Version | None = None) -> list[str]:
        """Return the problems of one version, or of everything in the store; an empty list means none."""
        self.objects.forget()
        return check.version_problems(self, version) if version else check.store_problems(self)

    def _at(self, ref: str) -> Version | None:
        target = self.refs.read(ref)
        return self._open(target) if target else None

    def _open(self, version_id: str) -> Version:
        return Version(self._read_manifest(version_id), self.objects, self.retractions.erased())

    def _require_retractions(self, name: str, draft: Draft) -> None:
        """Raise Busy where rows of the draft were retracted after it had begun: it may hold their text."""
        if set(self.retractions.concerning(draft.rows["row_id"])) - set(draft.retractions):
            raise Busy(
                f"draft of {name}",
                "rows of it were retracted while it was made",
                "Nothing was published",
                "Run it again",
            )

    def _manifest_path(self, version_id: str) -> Path:
        return self.root / "versions" / f"{checked_digest(version_id, str(self.root))}.json"

    def _read_manifest(self, version_id: str) -> Manifest:
        path = self._manifest_path(version_id)
        if not path.is_file():
            raise CorruptObject(str(path), "the version is missing", "It cannot be used", "See `tilth log`")
        with atomic.storage_errors(path):
            data = path.read_bytes()
        if sha256_hex(data) != version_id:
            raise CorruptObject(
                str(path),
                "the manifest does not match its id",
                "The version cannot be used",
                "Go back with `tilth rollback`",
            )
        return Manifest.from_bytes(data, str(path))

    def _candidate_or_error(self, name: str) -> Version:
        candidate = self.candidate(checked_name(name))
        if candidate is None:
            raise UsageError(
                str(self.root),
                f"no version of {name!r}",
                "Nothing was changed",
                f"Known names: {', '.join(self.names()) or 'none'}",
            )
        return candidate


def _is_temporary(path: Path) -> bool:
    return path.name.startswith(".") and path.name.endswith(atomic.TEMPORARY_SUFFIX)
