"""What is written keeps up with what there is: links lead somewhere, the map shows every room, words are in use."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from docs import house

ROOT = Path(__file__).parents[1]
FOLDERS = ("docs", "examples", "benchmarks", "data", ".github")
PAGES = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])
LINK = re.compile(r"\]\(([^)\s]+)\)")
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)


def anchors(page: Path) -> set[str]:
    """Return the anchors that a host makes of the headings of a page."""
    headings = re.findall(
        r"^#+ (.+)$", CODE.sub(lambda m: m[0].strip("`"), page.read_text("utf-8")), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if not link.startswith(("http://", "https://", "mailto:")):
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            assert target.exists(), f"{page.name} links to {link}"
            assert not anchor or anchor in anchors(target), f"{page.name} links to {link}"


@pytest.mark.parametrize("room", ["curation", "training", "workbench"])
def test_the_map_shows_every_entry_of_a_room(room: str) -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    tree = re.findall(r"^```\n(src/tilth/.*?)^```$", text, re.DOTALL | re.MULTILINE)[0]
    rooms = re.split(r"^(?=\w)", tree, flags=re.MULTILINE)
    shown = next(lines for lines in rooms if lines.startswith(f"{room}/"))
    named = set(re.findall(r"(?:^ +|; +|(?<=/) )([a-z_]+(?:/|\.py))", shown, re.MULTILINE))
    there = {
        path.name + "/" * path.is_dir()
        for path in (ROOT / room).iterdir()
        if path.name != "__pycache__" and not path.name.startswith(("_", "."))
    }
    assert named == there


def test_the_map_names_every_top_folder() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    for name in ("src/tilth", *house.ROOMS, "data", "tests", "benchmarks", "examples", "docs"):
        assert f"{name}/" in text


def test_every_word_of_the_glossary_is_in_use() -> None:
    words = re.findall(r"^\| \*\*(.+?)\*\*", (ROOT / "docs" / "glossary.md").read_text("utf-8"), re.MULTILINE)
    assert len(words) > 30
    sources = [
        path for room in house.ROOMS for path in (ROOT / room).rglob("*") if path.suffix in (".py", ".j2")
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources).lower().replace("_", " ")
    assert [word for word in words if not re.search(rf"\b{word}s?\b", text)] == []
    assert words == sorted(words)
