"""What CONTRIBUTING shows is added exactly as shown, in a folder of its own, and used end to end."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from tests.reading import read_bytes
from tilth.curation.reading import formats as format_package

CONTRIBUTING = Path(__file__).parents[2] / "CONTRIBUTING.md"


def snippet(path: str) -> str:
    """Return the Python that CONTRIBUTING shows for a file."""
    text = CONTRIBUTING.read_text(encoding="utf-8")
    found = re.search(rf"^`{re.escape(path)}`:\n\n```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    assert found, f"CONTRIBUTING shows no {path}"
    return found[1]


def add(package: ModuleType, path: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write the snippet of `path` to a folder that the registry of `package` looks in too."""
    folder.mkdir()
    (folder / Path(path).name).write_text(snippet(path), encoding="utf-8")
    monkeypatch.setattr(package, "__path__", [*package.__path__, str(folder)])


@pytest.fixture
def with_records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    format_package.formats.cache_clear()
    add(format_package, "curation/reading/formats/records.py", tmp_path / "added", monkeypatch)
    yield
    format_package.formats.cache_clear()


@pytest.mark.usefixtures("with_records")
def test_a_format_is_one_file(tmp_path: Path) -> None:
    data = b"prompt: Q1\nresponse: A1\n\nprompt: Q2\nresponse: A2\n"
    reading = read_bytes(tmp_path, data, "rows.rec")
    assert reading.texts() == [["Q1", "A1"], ["Q2", "A2"]]
    assert {".rec", ".rec.gz"} <= set(format_package.suffixes())
