"""Fixtures of every test."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilth.shards.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store.open(tmp_path / "store")
