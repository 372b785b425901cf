"""Tilth: curation and tuning of language models, data quality first.

What a notebook needs is here and loaded when it is used: `tilth.near_duplicates(texts)`, `tilth.load("NAME")`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilth.curation.curate import curate
    from tilth.training.train import train
    from tilth.workbench.notebook.functions import (
        decontaminate,
        find_personal_data,
        identify,
        load,
        near_duplicates,
        semantic_duplicates,
        statistics,
    )

    __version__: str

__all__ = [
    "__version__",
    "curate",
    "decontaminate",
    "find_personal_data",
    "identify",
    "load",
    "near_duplicates",
    "semantic_duplicates",
    "statistics",
    "train",
]

_PLACES = {"curate": "tilth.curation.curate", "train": "tilth.training.train"}


def __getattr__(name: str) -> Any:
    """Import what `__all__` names when it is asked for."""
    if name not in __all__:
        raise AttributeError(f"module 'tilth' has no attribute {name!r}")
    if name == "__version__":
        from importlib.metadata import version

        return version("tilth")
    from importlib import import_module

    return getattr(import_module(_PLACES.get(name, "tilth.workbench.notebook.functions")), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
