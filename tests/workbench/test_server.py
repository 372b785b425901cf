"""A server that is asked and not trusted."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tilth.workbench import server
from tilth.workbench.server import NoReply, ask

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
Answer = Callable[[socket.socket], None]


class Stranger:
    """Answers each connection with what `answer` writes, and keeps what it was sent."""

    def __init__(self) -> None:
        self.answer: Answer = lambda client: client.sendall(HEAD + b"Content-Length: 2\r\n\r\n{}")
        self.heard: list[bytes] = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}/v1"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._socket.accept()
            except OSError:
                return
            threading.Thread(target=self._one, args=(client,), daemon=True).start()

    def _one(self, client: socket.socket) -> None:
        with client:
            self.heard.append(client.recv(1 << 16))
            try:
                self.answer(client)
            except OSError:
                return

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def stranger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stranger]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    made = Stranger()
    yield made
    made.close()


def says(data: bytes) -> Answer:
    return lambda client: client.sendall(data)


def for_ever(data: bytes, pause_s: float = 0.0) -> Answer:
    def write(client: socket.socket) -> None:
        while True:
            client.sendall(data)
            time.sleep(pause_s)

    return write


def test_a_plain_reply_is_returned(stranger: Stranger) -> None:
    assert ask(stranger.url, {"a": 1}, key="secret", timeout_s=5) == {}
    assert b"Authorization: Bearer secret" in stranger.heard[0]
    assert stranger.heard[0].startswith(b"POST /v1 ")
    ask(stranger.url, timeout_s=5)
    assert stranger.heard[1].startswith(b"GET /v1 ")
    assert b"Authorization" not in stranger.heard[1]


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("body", [None, {"a": 1}])
def test_a_redirect_is_not_followed_and_no_key_leaves(stranger: Stranger, status: int, body: object) -> None:
    other = Stranger()
    where = f"HTTP/1.1 {status} Moved\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n"
    stranger.answer = says(where.encode())
    with pytest.raises(NoReply, match="redirects to another address") as error:
        ask(stranger.url, body, key="secret", timeout_s=5)
    assert error.value.status == status
    assert other.heard == []
    other.close()


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 banana\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n",
        HEAD + b"X-Long: " + b"a" * 70_000 + b"\r\n\r\n{}",
        HEAD + b"Content-Length: 100\r\n\r\n{}",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        HEAD + b"\r\nnot json",
        HEAD + b"\r\n\xff\xfe\x00",
        HEAD + b"\r\n" + b"[" * 200_000,
    ],
)
def test_what_is_malformed_is_no_usable_reply(stranger: Stranger, reply: bytes) -> None:
    stranger.answer = says(reply)
    with pytest.raises(NoReply, match="no usable reply"):
        ask(stranger.url, {}, timeout_s=5)


def test_a_reply_is_read_up_to_a_bound(stranger: Stranger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MAX_REPLY_BYTES", 1 << 20)
    stranger.answer = lambda client: (says(HEAD + b"\r\n")(client), for_ever(b" " * 65536)(client))[1]
    with pytest.raises(NoReply, match="ValueError"):
        ask(stranger.url, {}, timeout_s=20)


@pytest.mark.parametrize("head", [b"", HEAD, HEAD + b"\r\n"])
def test_a_reply_that_trickles_is_cut_off(stranger: Stranger, head: bytes) -> None:
    stranger.answer = lambda client: (says(head)(client), for_ever(b"a", 0.05)(client))[1]
    started = time.monotonic()
    with pytest.raises(NoReply, match="no usable reply"):
        ask(stranger.url, {}, timeout_s=0.4)
    assert time.monotonic() - started < 10


def test_a_status_is_named(stranger: Stranger) -> None:
    stranger.answer = says(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(NoReply, match="status 401"):
        ask(stranger.url, {}, timeout_s=5)
