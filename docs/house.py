"""Draws the house from its imports: `python docs/house.py` writes docs/images/house.svg and prints its figures.

Rooms are the top folders, their inner rooms the folders and modules at their top. An arrow stands for at least one
import, wherever in a file it is written, for types too. A room's floor is one above the highest it imports.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROOMS = ("shards", "validators", "curation", "training", "workbench")
PICTURE = ROOT / "docs" / "images" / "house.svg"
BOX_WIDTH, BOX_HEIGHT, GAP_X, GAP_Y, MARGIN, TITLE = 128, 30, 16, 46, 24, 34

Graph = Mapping[str, frozenset[str]]


def modules() -> dict[str, Path]:
    """Return every module of the rooms by its dotted name below `tilth`."""
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(files: Mapping[str, Path]) -> Graph:
    """Return which modules each module imports, at any depth of its code."""
    graph = {}
    for name, path in files.items():
        targets = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("tilth"):
                package = (node.module or "").removeprefix("tilth").lstrip(".")
                for alias in node.names:
                    inner = f"{package}.{alias.name}".lstrip(".")
                    targets.add(inner if inner in files else package)
        graph[name] = frozenset(targets & set(files) - {name})
    return graph


def inner_room(module: str) -> str:
    """Return the folder or module at the top of its room that a module stands in."""
    return ".".join(module.split(".")[:2])


def gathered(graph: Graph, room: str) -> Graph:
    """Return the arrows between the inner rooms of a room."""
    arrows: dict[str, set[str]] = {}
    for module, targets in graph.items():
        if module.startswith(f"{room}."):
            mine = arrows.setdefault(inner_room(module), set())
            mine |= {inner_room(t) for t in targets if t.startswith(f"{room}.")} - {inner_room(module)}
    return {name: frozenset(targets) for name, targets in arrows.items()}


def cycles(graph: Graph) -> list[list[str]]:
    """Return the groups of names that reach each other (Tarjan 1972), each sorted."""
    reach: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        front = list(graph[start])
        while front:
            name = front.pop()
            if name not in seen:
                seen.add(name)
                front.extend(graph.get(name, ()))
        reach[start] = seen
    groups = {
        tuple(sorted({other for other in reach[name] if name in reach.get(other, ())} | {name}))
        for name in graph
        if name in reach[name]
    }
    return [list(group) for group in sorted(groups)]


def floors(graph: Graph) -> dict[str, int]:
    """Return the floor of each name: 0 for those that import none of the others. The graph has no cycle."""
    known: dict[str, int] = {}

    def floor(name: str) -> int:
        if name not in known:
            known[name] = max((1 + floor(target) for target in graph.get(name, ())), default=0)
        return known[name]

    return {name: floor(name) for name in graph}


def entries(room: str) -> int:
    """Return how many entries a room shows at its top."""
    return sum(1 for path in (ROOT / room).iterdir() if path.name != "__pycache__")


def draw(graph: Graph) -> str:
    """Return the picture: a column a room, its inner rooms by floor, and their arrows."""
    parts, x = [], MARGIN
    height = MARGIN
    for room in ROOMS:
        inner = gathered(graph, room)
        places, width, tall = _placed(floors(inner), x)
        height = max(height, tall)
        parts.append(f'<text class="room" x="{x}" y="{MARGIN}">{room}/</text>')
        parts += _arrows(inner, places)
        parts += [_box(name, *place) for name, place in places.items()]
        x += width + 2 * MARGIN
    style = (
        "text{font:12px system-ui,sans-serif;fill:#1d2a24}.room{font-weight:600;font-size:15px}"
        "rect{fill:#eef4ef;stroke:#5b7a68;rx:5}path{fill:none;stroke:#5b7a68;stroke-opacity:.35}"
        "@media(prefers-color-scheme:dark){text{fill:#e4eee8}rect{fill:#21302a;stroke:#8fb39f}path{stroke:#8fb39f}}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {x} {height + MARGIN}" role="img">'
        f"<title>The rooms of Tilth and what imports what</title><style>{style}</style>{''.join(parts)}</svg>\n"
    )


def _placed(levels: Mapping[str, int], left: int) -> tuple[dict[str, tuple[int, int]], int, int]:
    """Return where each box stands (the highest floor on top, two boxes abreast), the width and the bottom."""
    places, y = {}, MARGIN + TITLE
    for level in sorted(set(levels.values()), reverse=True):
        row = sorted(name for name, floor in levels.items() if floor == level)
        for i, name in enumerate(row):
            places[name] = (left + (i % 2) * (BOX_WIDTH + GAP_X), y + (i // 2) * (BOX_HEIGHT + 8))
        y += -(-len(row) // 2) * (BOX_HEIGHT + 8) + GAP_Y - 8
    return places, 2 * BOX_WIDTH + GAP_X, y


def _arrows(graph: Graph, places: Mapping[str, tuple[int, int]]) -> Iterable[str]:
    for name in sorted(graph):
        for target in sorted(graph[name]):
            (ax, ay), (bx, by) = places[name], places[target]
            start, end = (ax + BOX_WIDTH // 2, ay + BOX_HEIGHT), (bx + BOX_WIDTH // 2, by)
            yield (
                f'<path d="M{start[0]} {start[1]}C{start[0]} {start[1] + GAP_Y} '
                f'{end[0]} {end[1] - GAP_Y} {end[0]} {end[1]}"/>'
            )


def _box(name: str, x: int, y: int) -> str:
    label = escape(name.rsplit(".", maxsplit=1)[-1])
    return (
        f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}"/>'
        f'<text x="{x + BOX_WIDTH // 2}" y="{y + 20}" text-anchor="middle">{label}</text>'
    )


def main() -> None:
    """Write the picture and print, a room a line: entries at the top, floors, arrows, cycles."""
    graph = imports(modules())
    print(f"{len(graph)} modules, cycles between modules: {cycles(graph) or 'none'}")
    for room in ROOMS:
        inner = gathered(graph, room)
        loops = cycles(inner)
        levels = "-" if loops else 1 + max(floors(inner).values())
        arrows = sum(len(targets) for targets in inner.values())
        print(f"{room}: {entries(room)} entries, {levels} floors, {arrows} arrows, cycles: {loops or 'none'}")
    if not any(cycles(gathered(graph, room)) for room in ROOMS):
        PICTURE.write_text(draw(graph), encoding="utf-8")
        print(f"wrote {PICTURE.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
