"""make images: takes the pictures of the pages from a demo, and writes beside them what they show.

`python -m docs.pictures DEMO`, where `tilth demo --dir DEMO` has run. Needs chromium. docs/images/pictures.json holds
word, reasons and figures of each page; tests compare them with what the sample gives today.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tilth.shards.digest import file_sha256

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
FACTS = IMAGES / "pictures.json"
RECIPE = ROOT / "data" / "recipes" / "demo.yaml"
SHOWN = ("verdict", "reasons", "conservation", "answer", "sentence")
WIDTH_PX, HEIGHT_PX, TIMEOUT_S = 1280, 1150, 180


def pages(demo: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name of each picture and its page: the first version, the run on it, the comparison."""
    store = demo / ".tilth"
    for name, pattern in (
        ("data-page", "reports/*/report.html"),
        ("run-page", "runs/*/report.html"),
        ("comparison-page", "reports/*-*/report.html"),
    ):
        found = [page for page in store.glob(pattern) if ("-" in page.parent.name) == ("-" in pattern)]
        if found:
            yield name, min(found, key=lambda page: page.stat().st_mtime_ns)


def shown(page: Path) -> dict[str, Any]:
    """Return what a page says in its first lines."""
    facts = json.loads(page.with_name("report.json").read_bytes())
    return {key: facts[key] for key in SHOWN if key in facts}


def take(chromium: str, page: Path, picture: Path) -> None:
    """Write what a browser shows of a page in a window of WIDTH_PX by HEIGHT_PX."""
    with TemporaryDirectory() as profile:
        subprocess.run(
            [
                chromium, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
                f"--user-data-dir={profile}", f"--window-size={WIDTH_PX},{HEIGHT_PX}", f"--screenshot={picture}",
                page.resolve().as_uri(),
            ],
            check=True, capture_output=True, timeout=TIMEOUT_S,
        )  # fmt: skip


def main(demo: Path) -> None:
    """Take all pictures of a demo and write their facts."""
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        sys.exit("images: no chromium on the PATH; install it and say make images again")
    facts: dict[str, Any] = {"recipe": file_sha256(RECIPE), "pictures": {}}
    for name, page in pages(demo):
        picture = IMAGES / f"{name}.png"
        take(chromium, page, picture)
        facts["pictures"][picture.name] = {"sha256": file_sha256(picture), **shown(page)}
        print(f"wrote {picture.relative_to(ROOT)}")
    FACTS.write_text(json.dumps(facts, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
