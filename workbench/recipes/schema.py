"""The JSON schema of a recipe, made from what the sections and stages say of themselves.

An editor completes and checks keys by it; the reference and the suggestions for unknown keys are made from it too.
"""

from __future__ import annotations

import json
import types
from dataclasses import fields, is_dataclass
from functools import cache
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, create_model

from tilth.curation.plugins import GROUP
from tilth.curation.recipe import CurationRecipe, model_of
from tilth.curation.stage import registry
from tilth.shards.atomic import write_file
from tilth.training.evaluation import metric_plugins
from tilth.training.methods import method
from tilth.workbench.recipes.sections import Recipe
from tilth.workbench.recipes.sentences import first_sentence, sentences_of

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]


@cache
def recipe_schema() -> Schema:
    """Return the schema: every key with its sentence, type, default and range; an unknown key does not fit."""
    model = _recipe_model()
    schema = model.model_json_schema()
    classes = _classes(model)
    for name, part in [*schema.get("$defs", {}).items(), (model.__name__, schema)]:
        _describe(part, classes.get(name))
        part.pop("title", None)
        for value in part.get("properties", {}).values():
            value.pop("title", None)
            if isinstance(value.get("default"), dict):
                del value["default"]  # of a section: it is said key by key
    schema["$defs"]["TrainingRecipe"]["properties"]["method"]["enum"] = list(method.registry())
    schema["$defs"]["Task"]["properties"]["metric"]["enum"] = metric_plugins.names()
    return {"$schema": DIALECT, "title": "A recipe of Tilth", **schema}


def _recipe_model() -> type[BaseModel]:
    """Return the whole recipe as one model; `curation` has a key for every stage."""
    hints: dict[str, Any] = get_type_hints(Recipe, localns={"CurationRecipe": CurationRecipe})
    said = sentences_of(Recipe, list(hints))
    spec: dict[str, Any] = {}
    for field in fields(Recipe):
        if field.name == "path":
            continue
        part = _section_model(hints[field.name])
        if field.name in ("name", "sources"):
            spec[field.name] = (part, Field(description=said.get(field.name)))
        else:
            spec[field.name] = (part | None, Field(default=None, description=said.get(field.name)))
    return create_model("RecipeFile", __config__=ConfigDict(extra="forbid"), **spec)


def _section_model(hint: Any) -> Any:
    """Return what pydantic is to make of one section."""
    if hint is CurationRecipe:
        return _curation_model()
    build: Any = model_of if is_dataclass(hint) else None
    return build(hint) if build else hint


def _curation_model() -> type[BaseModel]:
    """Return the `curation:` section: the stages, then what the run itself takes."""
    spec: dict[str, Any] = {
        name: (_switch(stage), Field(default=None, description=f"{first_sentence(stage)}."))
        for name, stage in registry().items()
    }
    hints: dict[str, Any] = get_type_hints(CurationRecipe, include_extras=True)
    said = sentences_of(CurationRecipe, list(hints))
    for field in fields(CurationRecipe):
        hint = hints[field.name]
        if field.name == "stages":
            continue
        inner: list[Any] = [part for part in get_args(hint) if is_dataclass(part)]
        if inner:
            hint = model_of(inner[0]) | None
        elif get_origin(hint) is tuple:
            hint = hint | str
        spec[field.name] = (hint, Field(default=None, description=said.get(field.name)))
    for plugin in entry_points(group=GROUP):
        spec.setdefault(
            plugin.name, (Any, Field(default=None, description="A stage of an installed package."))
        )
    about = "What becomes of rows; a key switches a stage on with its parameters, null switches it off."
    return create_model("Curation", __config__=ConfigDict(extra="forbid"), __doc__=about, **spec)


def _switch(stage: type) -> Any:
    """Return what a stage's key may hold: its parameters, null (off), true (on), or its first parameter alone."""
    parameters: Any = model_of(stage)
    first = next(iter(fields(stage)), None)
    if first is None:
        return parameters | None | Literal[True]
    alone = get_type_hints(stage, include_extras=True)[first.name]
    return parameters | None | Literal[True] | alone


def _classes(model: type[BaseModel]) -> dict[str, type]:
    """Return every class that a model is made of, by its name."""
    found: dict[str, type] = {}

    def visit(hint: Any) -> None:
        if get_args(hint) or isinstance(hint, types.UnionType):
            for part in get_args(hint):
                visit(part)
        elif isinstance(hint, type) and issubclass(hint, BaseModel) and hint.__name__ not in found:
            found[hint.__name__] = hint
            for info in hint.model_fields.values():
                visit(info.annotation)
        elif is_dataclass(hint) and isinstance(hint, type):
            found[hint.__name__] = hint

    visit(model)
    return found


def _describe(part: Schema, cls: type | None) -> None:
    """Give every property of one definition its sentence, and the definition that of its class."""
    if cls is None:
        return
    origin = getattr(cls, "__tilth_class__", cls)
    if getattr(origin, "__doc__", None):
        part["description"] = f"{first_sentence(origin)}."
    properties = part.get("properties", {})
    for name, sentence in sentences_of(origin, list(properties)).items():
        properties[name]["description"] = sentence


def schema_bytes() -> bytes:
    """Return the schema as indented JSON."""
    return json.dumps(recipe_schema(), indent=1, ensure_ascii=False).encode() + b"\n"


def write_schema(path: Path) -> None:
    """Write the schema to a file, whole or not at all."""
    write_file(path, schema_bytes())


def first_line(schema: str) -> str:
    """Return the first line of a recipe, by which an editor finds its schema: a path relative to the recipe."""
    return f"# yaml-language-server: $schema={schema}\n"
