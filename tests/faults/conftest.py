"""The commands as a user types them, for the faults that reach a screen."""

from __future__ import annotations

from tests.workbench.conftest import run

__all__ = ["run"]
