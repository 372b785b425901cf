"""The digest of the code that a module runs: its file and those of ours that it imports, at any depth.

Imports are parsed, never run, so that one inside a function counts as well. A package counts where a name is
imported from it that is no module of it; what only type checkers import does not count. Data files that lie beside
a module count with it.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tilth.shards.digest import canonical_json, sha256_hex

OURS = "tilth"
_BLOCKS = ("body", "handlers", "cases", "orelse", "finalbody")  # where statements hold others
_COMPILED = {".pyc", ".pyo", ".so", ".nbi", ".nbc"}


@cache
def code_digest(module: str) -> str:
    """Return the digest of the code of an imported module: of ours, of a plugin or of its package."""
    return sha256_hex(canonical_json({name: _bytes_digest(path) for name, path in code_of(module).items()}))


def code_of(module: str) -> dict[str, Path]:
    """Return, by module, the files of `module` and of all that it imports of Tilth and of its own package."""
    packages = {OURS, module.partition(".")[0]}
    found: dict[str, Path] = {}
    waiting = [module]
    while waiting:
        name = waiting.pop()
        path = _file_of(name)
        if name in found or path is None:
            continue
        found[name] = path
        waiting += [m for m in _imports(path, name) if m.partition(".")[0] in packages]
    return dict(sorted(found.items()))


def _file_of(module: str) -> Path | None:
    """Return the file of a module, which need not be imported yet if its outermost package is."""
    top, *inner = module.split(".")
    for folder in getattr(sys.modules.get(top), "__path__", ()):
        place = Path(folder, *inner)
        for path in (place.with_suffix(".py"), place / "__init__.py"):
            if inner and path.is_file():
                return path
    file = getattr(sys.modules.get(module), "__file__", None)
    return Path(file) if file and Path(file).suffix == ".py" else None


@cache
def _imports(path: Path, module: str) -> tuple[str, ...]:
    """Return the modules that a file imports."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    names: list[str] = []
    for node in _run(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: 1 - node.level or None] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            inner = [f"{source}.{alias.name}" for alias in node.names]
            names += [name if _file_of(name) else source for name in inner]
    return tuple(dict.fromkeys(names))


def _run(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield the statements of a tree at any depth, leaving out what stands under `if TYPE_CHECKING`."""
    for block in _BLOCKS:
        for node in getattr(tree, block, ()):
            if (
                isinstance(node, ast.If)
                and isinstance(node.test, ast.Name)
                and node.test.id == "TYPE_CHECKING"
            ):
                for other in node.orelse:
                    yield from (other, *_run(other))
                continue
            yield node
            yield from _run(node)


@cache
def _bytes_digest(path: Path) -> str:
    beside = [p for p in path.parent.iterdir() if p.is_file() and p.suffix not in {".py", *_COMPILED}]
    return sha256_hex(canonical_json([sha256_hex(p.read_bytes()) for p in (path, *sorted(beside))]))
