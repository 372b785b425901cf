"""s3:// and hf:// sources, against servers on this machine; nothing else is ever contacted."""

from __future__ import annotations

import gzip
import hashlib
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.reading import good, read_sources
from tilth.curation.reading.limits import ReadLimits
from tilth.curation.reading.read import Source
from tilth.shards.errors import SourceError, UsageError

COMMIT = "0123456789abcdef0123456789abcdef01234567"
LINES = good(1) + b"\n" + good(2) + b"\nbroken\n"
FILES = {
    "data/a.jsonl": LINES,
    "data/b.jsonl.gz": gzip.compress(good(3)),
    "README.md": b"# a set",
}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An S3 server on the loopback with one bucket; yields its address."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    for name, value in {
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)
    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket="rows")
    for name, data in FILES.items():
        client.put_object(Bucket="rows", Key=name, Body=data)
    yield endpoint
    server.stop()


def test_s3_objects_are_read_like_files(tmp_path: Path, s3: str) -> None:
    reading = read_sources(tmp_path, Source(path="s3://rows/data/*"))
    assert [file.path for file in reading.ingest.files] == [
        "s3://rows/data/a.jsonl",
        "s3://rows/data/b.jsonl.gz",
    ]
    assert [file.digest for file in reading.ingest.files] == [
        hashlib.sha256(FILES[name]).hexdigest() for name in ("data/a.jsonl", "data/b.jsonl.gz")
    ]
    assert reading.reasons == [None, None, "invalid_json", None]
    assert set(reading.rows["source"]) == {"a", "b"}


def test_one_s3_object(tmp_path: Path, s3: str) -> None:
    assert read_sources(tmp_path, Source(path="s3://rows/data/a.jsonl", name="web")).file.source == "web"


@pytest.mark.parametrize("path", ["s3://rows/none.jsonl", "s3://no-such-bucket/a.jsonl"])
def test_an_absent_s3_object_is_refused(tmp_path: Path, s3: str, path: str) -> None:
    with pytest.raises(SourceError, match="cannot be fetched"):
        read_sources(tmp_path, Source(path=path))


def test_an_s3_pattern_without_match_is_refused(tmp_path: Path, s3: str) -> None:
    with pytest.raises(UsageError, match="no such file"):
        read_sources(tmp_path, Source(path="s3://rows/none/*.jsonl"))


def test_an_s3_object_beyond_the_cap_is_not_downloaded_whole(tmp_path: Path, s3: str) -> None:
    with pytest.raises(SourceError, match="larger than 10 bytes"):
        read_sources(tmp_path, Source(path="s3://rows/data/a.jsonl"), limits=ReadLimits(max_file_bytes=10))


def test_without_s3fs_the_error_names_the_pip_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(UsageError, match=r'pip install "tilth\[s3\]"'):
        read_sources(tmp_path, Source(path="s3://rows/a.jsonl"))


class _Hub(BaseHTTPRequestHandler):
    """The part of the Hugging Face hub's interface that reading a dataset needs."""

    asked: list[str]

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        self.asked.append(self.path)
        path = self.path.split("?")[0]
        file = path.removeprefix(f"/datasets/org/set/resolve/{COMMIT}/")
        if path in ("/api/datasets/org/set", "/api/datasets/org/set/revision/main") or path.startswith(
            f"/api/datasets/org/set/revision/{COMMIT}"
        ):
            self._send(json.dumps(self._info()).encode(), body=body)
        elif path.startswith(f"/api/datasets/org/set/tree/{COMMIT}"):
            tree = [{"type": "file", "path": n, "size": len(d), "oid": "0" * 40} for n, d in FILES.items()]
            self._send(json.dumps(tree).encode(), body=body)
        elif file in FILES:
            self._send(FILES[file], body=body, etag=hashlib.sha1(FILES[file]).hexdigest())
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

    def _info(self) -> dict[str, Any]:
        return {"id": "org/set", "sha": COMMIT, "siblings": [{"rfilename": name} for name in FILES]}

    def _send(self, data: bytes, *, body: bool, etag: str = "x") -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("ETag", f'"{etag}"')
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Keep the test output clean."""


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """A hub on the loopback with one dataset; yields the paths it was asked for."""
    _Hub.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
    yield _Hub.asked
    server.shutdown()


@pytest.mark.parametrize("prefix", ["hf://", "hf://datasets/"])
def test_a_pinned_hub_dataset_is_read_like_files(tmp_path: Path, hub: list[str], prefix: str) -> None:
    reading = read_sources(tmp_path, Source(path=f"{prefix}org/set@{COMMIT}/data/*.jsonl*"))
    assert [file.path for file in reading.ingest.files] == [
        f"hf://org/set@{COMMIT}/data/a.jsonl",
        f"hf://org/set@{COMMIT}/data/b.jsonl.gz",
    ]
    assert reading.reasons == [None, None, "invalid_json", None]
    assert any("/resolve/" in path for path in hub)


def test_a_second_read_of_a_commit_comes_from_the_cache(tmp_path: Path, hub: list[str]) -> None:
    source = Source(path=f"hf://org/set@{COMMIT}/data/a.jsonl")
    first = read_sources(tmp_path, source)
    hub.clear()
    assert read_sources(tmp_path, source).file == first.file
    assert not hub


@pytest.mark.parametrize("revision", ["", "@main"])
def test_an_unpinned_revision_is_refused_with_the_line_to_write(
    tmp_path: Path, hub: list[str], revision: str
) -> None:
    with pytest.raises(UsageError, match=f"write `path: hf://org/set@{COMMIT}/data/a.jsonl`"):
        read_sources(tmp_path, Source(path=f"hf://org/set{revision}/data/a.jsonl"))


@pytest.mark.parametrize(
    ("path", "error", "words"),
    [
        (f"hf://org/set@{COMMIT}", UsageError, "names no file"),
        (f"hf://org/set@{COMMIT}/none.jsonl", SourceError, "cannot be fetched"),
        (f"hf://org/set@{COMMIT}/none/*.jsonl", UsageError, "no such file"),
        ("hf://org/other/a.jsonl", SourceError, "cannot be fetched"),
        ("hf://set", UsageError, "no address of a dataset"),
    ],
)
def test_a_wrong_hub_address_says_why(
    tmp_path: Path, hub: list[str], path: str, error: type[Exception], words: str
) -> None:
    with pytest.raises(error, match=words):
        read_sources(tmp_path, Source(path=path))


def test_local_sources_open_no_connection(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr("socket.socket.connect", refuse)
    (tmp_path / "a.jsonl").write_bytes(LINES)
    assert read_sources(tmp_path, Source(path="*.jsonl")).file.lines == 3
