"""A room over a small curated store, and ways to ask it as a browser or another site would."""

from __future__ import annotations

import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.workbench.conftest import question
from tilth.shards.store import Store
from tilth.workbench.commands import curate

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from starlette.testclient import TestClient

from tilth.workbench.serving.app import make_app
from tilth.workbench.serving.gate import COOKIE, Keys
from tilth.workbench.serving.room import Room

KEYS = Keys("token-of-the-printed-link", "secret-of-every-form")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def write_world(folder: Path) -> Path:
    """Write 120 good rows and 12 that a rule takes, a repeat and a broken line, with a recipe; return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(question(n)) for n in range(120)]
    for n in range(12):
        row = question(600 + n)
        row["messages"][1]["content"] = " "
        lines.append(json.dumps(row))
    lines += [lines[3], '{"messages": ']
    (folder / "rows.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    path = folder / "recipe.yaml"
    path.write_text(
        "# what the desk learns\nname: desk\nsources:\n  - path: rows.jsonl\n"
        "curation:\n  slice_by: [topic]\n  length: {verdict: drop}\n  dedup: {near_jaccard: 0.8}   # as is usual\n"
        "  split: {feedback: 0.05, promotion: 0.05, final: 0.05}\n",
        encoding="utf-8",
    )
    return path


def curated(recipe: Path) -> Store:
    """Curate and return the store."""
    done = CliRunner().invoke(curate.main, [str(recipe)])
    assert done.exit_code == 0, done.output
    return Store.open(recipe.parent / ".tilth")


@pytest.fixture(scope="session")
def kept_world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A curated world, made once."""
    folder = tmp_path_factory.mktemp("room")
    curated(write_world(folder))
    return folder


@pytest.fixture
def world(kept_world: Path, tmp_path: Path) -> Path:
    """A copy of it to decide in."""
    shutil.copytree(kept_world, tmp_path / "world")
    return tmp_path / "world"


def room_of(folder: Path, **more: Any) -> Room:
    return Room(Store.open(folder / ".tilth"), KEYS, "ann", **more)


@dataclass
class Asked:
    """A browser of one person, without a window."""

    client: TestClient
    origin: str = "http://testserver"

    def get(self, path: str, **more: Any) -> Any:
        return self.client.get(path, **more)

    def post(self, path: str, fields: dict[str, str], **headers: str) -> Any:
        fields = {"form_secret": KEYS.secret, **fields}
        return self.client.post(path, data=fields, headers={"origin": self.origin, **headers})


def asked(room: Room) -> Asked:
    app = make_app(room, frozenset({"testserver"}))
    return Asked(TestClient(app, cookies={COOKIE: KEYS.token}, follow_redirects=True))


@pytest.fixture
def browser(world: Path) -> Asked:
    return asked(room_of(world))


@pytest.fixture
def served(world: Path) -> Iterator[tuple[str, Path]]:
    """A room on a real port: the link that is printed, and the folder of its world."""
    yield from serve(room_of(world), world)


def serve(room: Room, folder: Path) -> Iterator[tuple[str, Path]]:
    import uvicorn

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    app = make_app(room, frozenset({f"127.0.0.1:{port}"}))
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{port}/?token={KEYS.token}", folder
    server.should_exit = True
    thread.join(10)
    listener.close()


def field(html: str, name: str) -> str:
    """Return the value of a hidden field of a page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', html)
    assert found, f"the page has no field {name}"
    return found[1]
