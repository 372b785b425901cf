"""Loads a recipe: YAML in, checked sections out, every error with the line that caused it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from tilth.curation import recipe as curation_recipe
from tilth.curation.reading.limits import ReadLimits
from tilth.curation.reading.source import Source
from tilth.curation.run.expectations import require_understood
from tilth.shards.errors import RecipeError, UsageError
from tilth.training.evaluation import metric_plugins
from tilth.training.methods import method
from tilth.training.recipe import EvaluationRecipe, TrainingRecipe
from tilth.validators.recipe import Checks, ReportOptions
from tilth.workbench.recipes.keys import key_at, nearest
from tilth.workbench.recipes.sections import Recipe, RefreshRecipe
from tilth.workbench.recipes.yaml_lines import parse_scalar, read_document

if TYPE_CHECKING:
    pass

UNKNOWN = "unknown key"
Model = TypeVar("Model", bound=BaseModel)
SECTIONS = tuple(field.name for field in fields(Recipe) if field.name != "path")


def load(path: Path, overrides: tuple[str, ...] = (), *, option: str = "--set") -> Recipe:
    """Read and check a recipe; `overrides` are `key.path=value` settings from the command line, given by `option`.

    Raises UsageError naming file, line and key.
    """
    document = read_document(path)
    for override in overrides:
        key, found, value = override.partition("=")
        if not found or not key:
            raise UsageError(
                f"{option} {override}", "not of the form key=value", next_step=f"say: {option} KEY=VALUE"
            )
        document.set(tuple(key.split(".")), parse_scalar(value), f"{option} {key}")
    try:
        return _check(path, document.data)
    except RecipeError as error:
        next_step = _next_step(error)
        text = f"{error.what}; {next_step}" if next_step else error.what
        raise UsageError(f"{document.place(error.key)}: {error.where}", text) from None


def _next_step(error: RecipeError) -> str:
    """Return what to do about a key: the nearest known one, or what it takes."""
    if error.what == UNKNOWN:
        return nearest(error.key)
    key = key_at(error.key)
    return error.next_step or (f"it takes: {key.takes}" if key and key.range else "")


def _check(path: Path, data: Mapping[str, Any]) -> Recipe:
    for key in data:
        if key not in SECTIONS:
            raise RecipeError((key,), UNKNOWN)
    for key in ("name", "sources"):
        if not data.get(key):
            raise RecipeError(
                (key,), "is missing", f"a recipe needs at least a name and a source; add '{key}:'"
            )
    name = data["name"]
    if not isinstance(name, str) or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise RecipeError(("name",), "must be letters, digits, '-', '_' and '.'")
    if not isinstance(data["sources"], list):
        raise RecipeError(("sources",), "must be a list", "write '- path: FILE' under it")
    if not isinstance(data.get("strict", False), bool):
        raise RecipeError(("strict",), "must be true or false")
    evaluation = _model(EvaluationRecipe, data.get("evaluation"), ("evaluation",))
    _require_metrics(evaluation)
    training = _training(data.get("training"))
    checks = _model(Checks, data.get("checks"), ("checks",))
    require_understood(checks.expect or ())
    report = _model(ReportOptions, data.get("report"), ("report",))
    if report.examples == 0:
        evaluation = evaluation.model_copy(update={"show_answers": False})
    return Recipe(
        path=path,
        name=name,
        sources=tuple(_model(Source, item, ("sources", i)) for i, item in enumerate(data["sources"])),
        strict=data.get("strict") or False,
        limits=curation_recipe.build(ReadLimits, data.get("limits") or {}, ("limits",)),
        curation=curation_recipe.parse(
            _mapping(data.get("curation"), ("curation",)),
            path.parent,
            [task.path for task in evaluation.tasks],
        ),
        checks=checks,
        report=report,
        training=training,
        evaluation=evaluation,
        refresh=_model(RefreshRecipe, data.get("refresh"), ("refresh",)),
    )


def _training(section: Any) -> TrainingRecipe | None:
    """Return the training section, whose method is known and agrees with its keys; None where there is none."""
    if section is None:
        return None
    checked = _model(TrainingRecipe, section, ("training",))
    method.check(checked)
    return checked


def _require_metrics(evaluation: EvaluationRecipe) -> None:
    """Raise RecipeError for a task whose metric is neither built in nor offered by a package."""
    offered = metric_plugins.names() if evaluation.tasks else []
    for index, task in enumerate(evaluation.tasks):
        if task.metric not in offered:
            key = ("evaluation", "tasks", index, "metric")
            raise RecipeError(
                key, f"no metric {task.metric!r}", curation_recipe.suggestion(task.metric, offered)
            )


def _mapping(value: Any, key: tuple[str | int, ...]) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise RecipeError(key, "must hold keys", f"write '{key[-1]}:' and its keys indented below")
    return value


def _model(model: type[Model], value: Any, key: tuple[str | int, ...]) -> Model:
    """Validate one section; the first problem becomes a RecipeError."""
    try:
        return model.model_validate(dict(_mapping(value, key)))
    except ValidationError as error:
        problem = error.errors()[0]
        where = (*key, *(part for part in problem["loc"]))
        if problem["type"] == "extra_forbidden":
            raise RecipeError(where, UNKNOWN) from None
        if problem["type"] == "missing":
            raise RecipeError(where, "is missing") from None
        raise RecipeError(where, problem["msg"][0].lower() + problem["msg"][1:]) from None
