"""Reads YAML as plain data that remembers its lines; nothing in a file can run code or grow without bound.

Tags, anchors and aliases are refused: a recipe needs none of them, and they are how YAML executes
constructors and expands a few bytes into gigabytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.constructor import DuplicateKeyError
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.tokens import AliasToken, AnchorToken, TagToken

from tilth.shards.errors import UsageError

MAX_RECIPE_BYTES = 1 << 20


@dataclass
class Document:
    """The data of a YAML file and, by key path, the place each key was written."""

    file: str
    data: dict[str, Any]
    places: dict[tuple[str | int, ...], str] = field(default_factory=dict)

    def place(self, key: tuple[str | int, ...]) -> str:
        """Return `file:line` of a key, or of its nearest parent that was written."""
        for end in range(len(key), 0, -1):
            if key[:end] in self.places:
                return self.places[key[:end]]
        return self.file

    def set(self, key: tuple[str, ...], value: Any, place: str) -> None:
        """Set one key from elsewhere, making the mappings above it."""
        at: Any = self.data
        for part in key[:-1]:
            if not isinstance(at, dict):
                break
            at[part] = at[part] if isinstance(at.get(part), (dict, list)) else {}
            at = at[part]
        if not isinstance(at, dict):
            raise UsageError(place, "the key lies inside a list", next_step="edit the recipe instead")
        at[key[-1]] = value
        self.places[key] = place


def parse_scalar(text: str) -> Any:
    """Return the value that YAML 1.2 gives a piece of text (`1e-5` is a number, `null` is None)."""
    try:
        return YAML(typ="safe", pure=True).load(text)
    except (YAMLError, ValueError):  # a number of thousands of digits is one
        return text


def read_document(path: Path) -> Document:
    """Read a YAML mapping. Raises UsageError with file and line."""
    from tilth.curation.reading.formats import suffixes

    if path.name.endswith(suffixes()):
        raise UsageError(
            path.name, "is a data file, not a recipe", next_step=f"write a recipe for it: tilth init {path}"
        )
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise UsageError(
            str(path), "there is no such file", next_step="tilth init DATA --base MODEL writes a recipe"
        ) from None
    except OSError as error:
        raise UsageError(str(path), f"cannot be read ({error.strerror})") from None
    if len(raw) > MAX_RECIPE_BYTES:
        raise UsageError(
            str(path), f"is larger than {MAX_RECIPE_BYTES:,} bytes", next_step="is this a recipe?"
        )
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise UsageError(str(path), "is not UTF-8 text", next_step="is this a recipe?") from None
    loaded = _loaded(text, path)
    if not isinstance(loaded, Mapping):
        raise UsageError(path.name, "does not hold keys", next_step="a recipe begins with 'name: ...'")
    document = Document(path.name, {})
    document.data = _plain(loaded, (), document)
    return document


def _loaded(text: str, path: Path) -> Any:
    """Return what YAML makes of a text. Raises UsageError with file and line."""
    try:
        _refuse_constructors(text, path.name)
        return YAML(typ="rt", pure=True).load(text)
    except DuplicateKeyError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(
            f"{path.name}:{line}", "the same key stands here twice", next_step="remove one"
        ) from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise UsageError(f"{path.name}:{line}", f"not valid YAML ({error.problem})") from None
    except YAMLError as error:
        raise UsageError(path.name, f"not valid YAML ({str(error).splitlines()[0]})") from None
    except (ValueError, OverflowError, RecursionError):
        raise UsageError(
            path.name, "holds a number, a date or a nesting that is too large to be read"
        ) from None


def _refuse_constructors(text: str, file: str) -> None:
    for token in YAML(typ="rt", pure=True).scan(text):
        if isinstance(token, (AliasToken, AnchorToken, TagToken)):
            line = token.start_mark.line + 1
            raise UsageError(
                f"{file}:{line}", "tags, anchors and aliases are refused", next_step="write the value itself"
            )


def _plain(node: Any, key: tuple[str | int, ...], document: Document) -> Any:
    """Turn ruamel's commented containers into plain ones, noting where each key stands."""
    if isinstance(node, Mapping):
        for name in node:
            document.places[(*key, name)] = f"{document.file}:{node.lc.key(name)[0] + 1}"  # type: ignore[attr-defined]
        return {str(name): _plain(value, (*key, name), document) for name, value in node.items()}
    if isinstance(node, list):
        for index in range(len(node)):
            document.places[(*key, index)] = f"{document.file}:{node.lc.item(index)[0] + 1}"  # type: ignore[attr-defined]
        return [_plain(value, (*key, index), document) for index, value in enumerate(node)]
    if isinstance(node, bool) or node is None:
        return node
    for kind in (int, float, str):
        if isinstance(node, kind):
            return kind(node)
    return node
