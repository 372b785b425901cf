"""The `curation:` section of a recipe, turned into the stages that run."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from tilth.curation.dedup.split import Splits
from tilth.curation.feedback.policy import PushbackPolicy
from tilth.curation.plugins import load as load_plugins
from tilth.curation.stage import Barrier, Count, Local, Phase, Rewrite, Share, Stage, acting_order, registry
from tilth.shards.errors import RecipeError

ENGINE_KEYS = ("slice_by", "pushback", "executor", "plugins", "max_raised", "max_cache_bytes")
EXECUTORS = ("local", "ray")
MAX_CACHE_BYTES = 16 << 30


@dataclass(frozen=True)
class CurationRecipe:
    """What curation does: the stages in the order they act, how slices are named, how feedback is taken.

    slice_by: columns whose values, joined, name the slice that a row is reported under. pushback: how far feedback may
    go; null reads none. executor: where rows are judged; ray needs the extra of that name. plugins: stages of installed
    packages that this recipe uses. max_raised: the share of the rows on which a stage may raise before the run stops.
    max_cache_bytes: how much runs may keep for the next ones, see `tilth cache`.
    """

    stages: tuple[Stage, ...]
    slice_by: tuple[str, ...]
    pushback: PushbackPolicy | None
    executor: Literal["local", "ray"] = "local"
    plugins: tuple[str, ...] = ()
    max_raised: Share = 0.01
    max_cache_bytes: Count = MAX_CACHE_BYTES

    def phases(self) -> dict[str, str]:
        """Return the phase of every stage, in the order they act."""
        acting = [(s.phase, s.name) for s in self.stages]
        acting += [(Phase.PUSHBACK, "review"), (Phase.PUSHBACK, "pushback")]
        return {name: phase.name.lower() for phase, name in sorted(acting, key=lambda a: a[0])}

    def targets(self) -> dict[str, dict[str, float]]:
        """Return the shares that balance aims at: column -> value -> share of the training weight."""
        balance = next((s for s in self.stages if s.name == "balance"), None)
        return {k: dict(v) for k, v in (getattr(balance, "target", None) or {}).items()}

    def held_out(self) -> dict[str, float]:
        """Return the share of the rows that each held-out split is to have; nothing where `split` is off."""
        split = next((s for s in self.stages if isinstance(s, Splits)), None)
        return split.asked() if split else {}

    def rewrites(self) -> list[Rewrite]:
        """Return the stages that change text."""
        return [s for s in self.stages if isinstance(s, Rewrite)]

    def locals(self) -> list[Local]:
        """Return the stages that judge a row by itself."""
        return [s for s in self.stages if isinstance(s, Local)]

    def barriers(self) -> list[Barrier]:
        """Return the stages that see all rows."""
        return [s for s in self.stages if isinstance(s, Barrier)]


def parse(section: Mapping[str, Any], base_dir: Path, eval_paths: Sequence[str] = ()) -> CurationRecipe:
    """Build the stages of a `curation:` section; what it does not name runs with its defaults.

    A key is a stage name, of ours or of a plugin that `plugins` lists. `null` switches it off, a mapping sets
    parameters, and a bare value sets the stage's first parameter (`decontaminate: [evals/*.jsonl]`).
    `eval_paths` are decontaminated against without being named. Globs are resolved against `base_dir`.
    Raises RecipeError naming the key.
    """
    plugins = _names(section.get("plugins") or [], "plugins")
    added = load_plugins(plugins) if plugins else {}
    known = {**registry(), **added}
    for key in section:
        if key not in known and key not in ENGINE_KEYS:
            raise RecipeError(("curation", key), "unknown key", suggestion(key, [*known, *ENGINE_KEYS]))
    chosen = [
        (cls, section.get(name, {}))
        for name, cls in known.items()
        if (name in section and section[name] is not None)
        or (name not in section and (cls.default or name in added))
    ]
    stages = [build(cls, value, ("curation", cls.name)) for cls, value in chosen]
    stages = [_with_files(s, base_dir, eval_paths) for s in stages]
    if section.get("executor", "local") not in EXECUTORS:
        raise RecipeError(("curation", "executor"), f"must be one of {', '.join(EXECUTORS)}")
    stages.sort(key=acting_order)
    return CurationRecipe(
        stages=tuple(stages),
        slice_by=_slice_by(section.get("slice_by", ["file"])),
        pushback=None
        if "pushback" in section and section["pushback"] is None
        else build(PushbackPolicy, section.get("pushback", {}), ("curation", "pushback")),
        executor=section.get("executor", "local"),
        plugins=plugins,
        max_raised=_share(section.get("max_raised", 0.01), "max_raised"),
        max_cache_bytes=_count(section.get("max_cache_bytes", MAX_CACHE_BYTES), "max_cache_bytes"),
    )


def suggestion(key: str, known: Iterable[str]) -> str:
    """Return a next step that names the closest known key."""
    close = difflib.get_close_matches(str(key), list(known), n=1)
    return f"did you mean {close[0]!r}?" if close else f"known here: {', '.join(sorted(known))}"


def _with_files(stage: Any, base_dir: Path, eval_paths: Sequence[str]) -> Any:
    """Resolve the `paths` of a stage that reads files; a pattern that matches nothing is an error.

    The stage's `if_missing` then says what to do. `embeddings` is one file, looked for when it is read.
    """
    if getattr(stage, "embeddings", None):
        stage = replace(stage, embeddings=str(base_dir / stage.embeddings))
    if "paths" not in {f.name for f in fields(stage)}:
        return stage
    found: set[str] = set()
    for pattern in (*stage.paths, *(eval_paths if stage.name == "decontaminate" else ())):
        absolute = Path(pattern).is_absolute()
        matches = [Path(pattern)] if absolute and Path(pattern).exists() else []
        matches += [] if absolute else base_dir.glob(pattern)
        if not matches:
            next_step = getattr(stage, "if_missing", "check the path")
            raise RecipeError(("curation", stage.name), f"no file matches {pattern!r}", next_step)
        found.update(map(str, matches))
    return replace(stage, paths=tuple(sorted(found)))


def _names(value: Any, key: str) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list | tuple) or not all(isinstance(n, str) for n in names):
        raise RecipeError(("curation", key), "must be a name or a list of names")
    return tuple(names)


def _share(value: Any, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise RecipeError(("curation", key), "must be a share of the rows, from 0 to 1")
    return float(value)


def _count(value: Any, key: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RecipeError(("curation", key), "must be a whole number of 0 or more")
    return value


def _slice_by(value: Any) -> tuple[str, ...]:
    names = _names(value, "slice_by")
    if not names:
        raise RecipeError(("curation", "slice_by"), "must name at least one column")
    return names


def build(cls: type, value: Any, key: tuple[str, ...]) -> Any:
    """Make a parameter dataclass from what the recipe says, with pydantic's validation of its types."""
    names = [f.name for f in fields(cls)]
    if value is True:
        value = {}
    if not isinstance(value, Mapping):
        if not names:
            raise RecipeError(key, "takes no parameters", f"write '{key[-1]}: {{}}' or 'null'")
        value = {names[0]: value}
    for name in value:
        if name not in names:
            raise RecipeError((*key, name), "unknown key", suggestion(name, names))
    try:
        checked = model_of(cls).model_validate(dict(value))
    except ValidationError as error:
        first = error.errors()[0]
        raise RecipeError((*key, *first["loc"]), first["msg"].lower()) from None
    return cls(**{name: getattr(checked, name) for name in names})


@cache
def model_of(cls: type) -> type[BaseModel]:
    """Return the pydantic model of a parameter dataclass; it remembers the class as `__tilth_class__`."""
    hints = get_type_hints(cls, include_extras=True)
    spec: dict[str, Any] = {f.name: (hints[f.name], _default(f)) for f in fields(cls)}
    config = ConfigDict(extra="forbid", allow_inf_nan=False)
    model: type[BaseModel] = create_model(cls.__name__, __config__=config, **spec)
    model.__tilth_class__ = cls  # type: ignore[attr-defined]
    return model


def _default(parameter: Field[Any]) -> Any:
    return parameter.default if parameter.default_factory is MISSING else parameter.default_factory()
