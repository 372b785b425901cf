"""The manifest of a version: canonical JSON whose sha256 is the version's id.

It holds no float, clock, host or path; figures and receipts lie beside it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from functools import cached_property
from typing import Any

from tilth.shards.digest import canonical_json, sha256_hex
from tilth.shards.errors import CorruptObject, NewerFormat
from tilth.shards.object import DIGEST

FORMAT = 1
TABLES = ("occurrences", "rows", "turns", "decisions", "measures")


@dataclass(frozen=True)
class Manifest:
    """What a version is made of. Digests are hex sha256.

    sources: sorted digests of the source files. stages, fitted: name -> digest. feedback: digests of the
    records read, in order. retractions: digests of the records that took rows of it out. steered_sources: digest of
    the sources at the last feedback round. counts: lines, rows, kept, dropped, quarantined, one a split, and
    whatever the curation counted. objects: table ->
    digests. checks: name -> passed.
    """

    name: str
    parent: str | None
    content_id: str
    sources: list[str]
    recipe_digest: str
    counts: dict[str, int]
    objects: dict[str, list[str]]
    stages: dict[str, str] = field(default_factory=dict)
    libraries: dict[str, str] = field(default_factory=dict)
    feedback: list[str] = field(default_factory=list)
    steered_sources: str | None = None
    retractions: list[str] = field(default_factory=list)
    fitted: dict[str, str] = field(default_factory=dict)
    checks: dict[str, bool] = field(default_factory=dict)
    format: int = FORMAT

    @cached_property
    def id(self) -> str:
        """The version's id: sha256 of the bytes."""
        return sha256_hex(self.to_bytes())

    def to_bytes(self) -> bytes:
        """Return the manifest as canonical JSON."""
        return canonical_json(asdict(self))

    @classmethod
    def from_bytes(cls, data: bytes, where: str = "manifest") -> Manifest:
        """Read a manifest, trusting nothing. Raises NewerFormat, CorruptObject."""
        try:
            values = json.loads(data)
        except ValueError as error:
            raise _damaged(where, "the manifest is no JSON") from error
        if not isinstance(values, dict) or not isinstance(values.get("format"), int):
            raise _damaged(where, "the manifest has no format")
        if values["format"] > FORMAT:
            raise NewerFormat(
                where,
                f"the manifest has format {values['format']}, this Tilth reads up to {FORMAT}",
                "Nothing was read",
                "Upgrade Tilth",
            )
        if set(values) != {f.name for f in fields(cls)}:
            raise _damaged(where, "the manifest lacks a field or has an unknown one")
        manifest = cls(**values)
        problem = _problem(manifest)
        if problem:
            raise _damaged(where, problem)
        return manifest

    def closure(self) -> list[str]:
        """Return the digest of every object the version needs, each once, in order."""
        tables = [digest for table in TABLES for digest in self.objects[table]]
        return list(dict.fromkeys([*tables, *self.fitted.values(), *self.feedback, *self.retractions]))


def _problem(manifest: Manifest) -> str | None:
    """Return what makes the values unusable, above all whatever could lead a path out of the store."""

    def digests(values: Any) -> bool:
        return isinstance(values, list) and all(isinstance(v, str) and DIGEST.fullmatch(v) for v in values)

    def mapping(values: Any, kind: type) -> bool:
        return isinstance(values, dict) and all(type(value) is kind for value in values.values())

    def optional(value: Any) -> bool:
        return value is None or digests([value])

    checks = {
        "name": isinstance(manifest.name, str),
        "parent": optional(manifest.parent),
        "content_id": digests([manifest.content_id]),
        "sources": digests(manifest.sources),
        "recipe_digest": isinstance(manifest.recipe_digest, str),
        "counts": mapping(manifest.counts, int),
        "objects": isinstance(manifest.objects, dict)
        and set(manifest.objects) == set(TABLES)
        and all(map(digests, manifest.objects.values()))
        and all(manifest.objects[table] for table in TABLES if table != "turns"),
        "stages": mapping(manifest.stages, str),
        "libraries": mapping(manifest.libraries, str),
        "feedback": digests(manifest.feedback),
        "steered_sources": manifest.steered_sources is None or isinstance(manifest.steered_sources, str),
        "retractions": digests(manifest.retractions),
        "fitted": isinstance(manifest.fitted, dict) and digests(list(manifest.fitted.values())),
        "checks": mapping(manifest.checks, bool),
    }
    return next(
        (f"the manifest's field {name!r} is not valid" for name, valid in checks.items() if not valid), None
    )


def _damaged(where: str, what: str) -> CorruptObject:
    return CorruptObject(
        where, what, "The version cannot be used", "Go back with `tilth rollback`, or curate again"
    )
