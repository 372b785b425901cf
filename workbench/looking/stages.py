"""tilth stages: what curation can do, from the stages themselves, so that the list is never out of date."""

from __future__ import annotations

from dataclasses import MISSING, Field, fields
from inspect import cleandoc
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from tilth.curation.recipe import suggestion
from tilth.curation.stage import Phase, acting_order, registry
from tilth.shards.errors import UsageError

if TYPE_CHECKING:
    from rich.console import Console


def as_dicts(name: str | None) -> list[dict[str, Any]]:
    """Return every stage in the order they act, or one of them: name, phase, default, text, parameters.

    Raises UsageError for a name that no stage has.
    """
    known = registry()
    if name is not None and name not in known:
        raise UsageError(name, "there is no such stage", "", suggestion(name, known))
    chosen = [known[name]] if name else sorted(known.values(), key=acting_order)
    return [
        {
            "name": stage.name,
            "phase": Phase(stage.phase).name.lower(),
            "default": stage.default,
            "text": cleandoc(stage.__doc__ or ""),
            "parameters": [
                {"name": f.name, "default": _default(f), "is_bound": bool(f.metadata.get("limit"))}
                for f in _parameters(stage)
            ],
        }
        for stage in chosen
    ]


def _parameters(stage: type) -> tuple[Field[Any], ...]:
    return fields(stage)


def show(screen: Console, name: str | None) -> None:
    """Print every stage in the order they act, or all there is to know of one. Raises UsageError."""
    known = registry()
    if name is None:
        for stage in sorted(known.values(), key=acting_order):
            state = "on" if stage.default else "off"
            phase = Phase(stage.phase).name.lower()
            screen.print(f"{phase:<14}{stage.name:<16}{state:<5}{escape(_first_sentence(stage))}")
        screen.print(
            "all of one: tilth stages NAME; on or off in a recipe: curation: {NAME: {…}} or {NAME: null}"
        )
        return
    if name not in known:
        raise UsageError(name, "there is no such stage", "", suggestion(name, known))
    screen.print(escape(cleandoc(known[name].__doc__ or "")))
    for field in _parameters(known[name]):
        kind = (
            "bound, replayable with --what-if" if field.metadata.get("limit") else "changes what is measured"
        )
        screen.print(f"  {field.name:<28}{escape(_default(field)):<28}{kind}")


def _first_sentence(stage: type) -> str:
    text = " ".join(cleandoc(stage.__doc__ or "").split("\n\n")[0].split())
    return text if len(text) <= 100 else text[:99].rsplit(" ", 1)[0] + " …"


def _default(field: Field[Any]) -> str:
    if field.default is not MISSING:
        value = field.default
    elif field.default_factory is not MISSING:
        value = field.default_factory()
    else:
        return "(needed)"
    return "null" if value is None else str(getattr(value, "value", value))
