"""A server is asked, and not trusted: what it sends is bounded in size and time, where it points is not followed."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
import urllib.error
import urllib.request
from typing import Any

MAX_REPLY_BYTES = 8 << 20
CHUNK_BYTES = 1 << 16


class NoReply(Exception):
    """What came is no usable reply; the words say why. status: of the reply, None where there was none."""

    def __init__(self, what: str, status: int | None = None) -> None:
        self.what, self.status = what, status
        super().__init__(what)


def ask(url: str, body: Any = None, *, key: str | None = None, timeout_s: float) -> Any:
    """Return the JSON value that a server answers with, to POST of `body`, to GET where there is none.

    key: sent as a bearer token, to the host of `url` alone. timeout_s: for the whole exchange. Raises NoReply for a
    redirect, an error status, and whatever is not JSON, too long or too slow.
    """
    headers = {"Accept": "application/json"}
    headers |= {"Content-Type": "application/json"} if body is not None else {}
    headers |= {"Authorization": f"Bearer {key}"} if key else {}
    data = None if body is None else json.dumps(body).encode()
    try:
        with _Exchange(timeout_s) as exchange:
            return json.loads(exchange.read(urllib.request.Request(url, data, headers)))
    except urllib.error.HTTPError as error:
        error.close()
        points = "it redirects to another address, which is not followed" if 300 <= error.code < 400 else ""
        raise NoReply(points or f"it answers with status {error.code}", error.code) from error
    except (OSError, ValueError, RecursionError, http.client.HTTPException) as error:
        raise NoReply(f"no usable reply ({type(error).__name__})") from error


def tell(url: str, body: bytes | None, headers: dict[str, str], *, timeout_s: float) -> None:
    """POST `body`, or GET where there is none; whatever is answered with success will do. Raises NoReply."""
    try:
        with _Exchange(timeout_s) as exchange:
            exchange.read(urllib.request.Request(url, body, headers))
    except urllib.error.HTTPError as error:
        error.close()
        raise NoReply(f"it answers with status {error.code}", error.code) from error
    except (OSError, ValueError, http.client.HTTPException) as error:
        raise NoReply(f"no reply ({type(error).__name__})") from error


class _Exchange:
    """One request and its reply. When the time is up its sockets are shut, wherever it waits."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s, self._ends = timeout_s, time.monotonic() + timeout_s
        self._sockets: list[socket.socket] = []
        self._timer = threading.Timer(timeout_s, self._shut)
        self._timer.daemon = True

    def __enter__(self) -> _Exchange:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()

    def read(self, request: urllib.request.Request) -> bytes:
        """Return the body of the reply. Raises ValueError if it is too long, TimeoutError if it is late, HTTPError."""
        opener = urllib.request.build_opener(_Stays, _Watched(self._sockets), _WatchedTls(self._sockets))
        parts, length = [], 0
        with opener.open(request, timeout=self._timeout_s) as reply:
            while part := reply.read1(CHUNK_BYTES):
                parts.append(part)
                length += len(part)
                if length > MAX_REPLY_BYTES:
                    raise ValueError("the reply is too long")
            if getattr(reply, "length", None):  # fewer bytes came than were promised
                raise http.client.IncompleteRead(b"", reply.length)
        if time.monotonic() >= self._ends:
            raise TimeoutError
        return b"".join(parts)

    def _shut(self) -> None:
        for one in self._sockets:
            try:
                socket.socket.shutdown(one, socket.SHUT_RDWR)
            except OSError:
                continue  # closed already


class _Stays(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: what was meant for one host is not for another."""

    def redirect_request(self, *_: Any) -> None:
        """Return nothing, so that the redirect is an error."""


class _Watched(urllib.request.HTTPHandler):
    """Opens connections and notes their sockets."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__()
        self._sockets = sockets

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Open a plain connection."""
        return self.do_open(_noting(http.client.HTTPConnection, self._sockets), req)


class _WatchedTls(urllib.request.HTTPSHandler):
    """Opens encrypted connections and notes their sockets."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        super().__init__()
        self._sockets = sockets

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Open an encrypted connection."""
        return self.do_open(_noting(http.client.HTTPSConnection, self._sockets), req)


def _noting(kind: Any, sockets: list[socket.socket]) -> Any:
    """Return a kind of connection that notes its socket when it is opened."""

    class Noting(kind):
        def connect(self) -> None:
            super().connect()
            sockets.append(self.sock)

    return Noting
