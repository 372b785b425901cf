"""What history, check and garbage collection read of a store: all they know of it, so that none imports another."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

import polars as pl

from tilth.shards.feedback import FeedbackHeader
from tilth.shards.feedback_log import FeedbackLog
from tilth.shards.object import Objects
from tilth.shards.refs import Refs
from tilth.shards.retractions import Retractions
from tilth.shards.scores import Scores
from tilth.shards.version import Version


class Contents(Protocol):
    """The reads of `store.Store`."""

    root: Path
    objects: Objects
    refs: Refs
    feedback_log: FeedbackLog
    scores: Scores
    retractions: Retractions

    @property
    def cache(self) -> Path:
        """The folder of what can be made again."""

    def names(self) -> list[str]:
        """Return the names that have a ref, in order."""

    def candidate(self, name: str) -> Version | None:
        """Return what curate last published under `name`, or None."""

    def served(self, name: str) -> Version | None:
        """Return the promoted version of `name`, or None."""

    def version(self, id_or_prefix_or_ref: str) -> Version:
        """Return a version by ref, id or unique prefix."""

    def version_ids(self) -> list[str]:
        """Return the id of every published version, in order of id."""

    def feedback(self, digest: str) -> tuple[FeedbackHeader, pl.DataFrame, pl.DataFrame]:
        """Return header, rows and slices of a feedback record."""

    def receipts(self, kind: str | None = None, subject: str | None = None) -> list[dict[str, Any]]:
        """Return receipts, oldest first within a kind and subject."""
