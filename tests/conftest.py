"""Fixtures of every test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tilth.shards.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store."""
    return Store.open(tmp_path / "store")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave full counts to `make faults`, which sets TILTH_FULL."""
    if os.environ.get("TILTH_FULL"):
        return
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.skip(reason="a full count: make faults"))
