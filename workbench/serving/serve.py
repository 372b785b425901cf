"""tilth serve: listens on this machine alone, and prints the link that opens the room."""

from __future__ import annotations

import getpass
import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tilth.shards.errors import UsageError
from tilth.workbench import session

if TYPE_CHECKING:
    from tilth.shards.store import Store

HERE = "127.0.0.1"


@dataclass(frozen=True)
class Listening:
    """Where to listen: a port of this machine, or a socket behind a proxy that names the user in a header."""

    port: int
    socket: Path | None
    user_header: str | None
    host_names: tuple[str, ...]

    def check(self) -> None:
        """Raise UsageError for what would let anybody in, or nobody."""
        if self.socket is None and (self.user_header or self.host_names):
            raise UsageError(
                "tilth serve", "--user-header and --host-name need --socket", "Nothing was started",
                "On a port anybody could send that header",
            )  # fmt: skip
        if self.socket is not None and not (self.user_header and self.host_names):
            raise UsageError(
                "tilth serve --socket", "needs --user-header and --host-name", "Nothing was started",
                "Say --user-header X-Forwarded-User --host-name data.example.org",
            )  # fmt: skip


def serve_room(
    store: Store, where: Listening, *, read_only: bool, recipe: Path | None, user: str | None
) -> None:
    """Serve until interrupted. Raises UsageError where the extra is missing or the port is taken."""
    where.check()
    try:
        import uvicorn

        from tilth.workbench.serving.app import make_app
    except ImportError as error:
        raise UsageError(
            "tilth serve", f"needs {error.name}", "Nothing was started", "pip install 'tilth[ui]'"
        ) from error
    from tilth.workbench.serving.gate import Keys
    from tilth.workbench.serving.room import Room

    room = Room(store, Keys(), user or getpass.getuser(), read_only, where.user_header, recipe)
    listener = _listener(where)
    if where.socket is None:
        port = listener.getsockname()[1]
        hosts = frozenset({f"{HERE}:{port}", f"localhost:{port}"})
        session.say(f"open: http://{HERE}:{port}/?token={room.keys.token}")
    else:
        hosts = frozenset(where.host_names)
        session.say(f"listening on {where.socket} for {', '.join(where.host_names)}")
    session.say("looks only: nothing can be decided" if read_only else f"decisions are signed: {room.user}")
    config = uvicorn.Config(
        make_app(room, hosts), log_level="warning", access_log=False, server_header=False, proxy_headers=False,
        timeout_graceful_shutdown=3,
    )  # fmt: skip
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        listener.close()
        if where.socket is not None:
            where.socket.unlink(missing_ok=True)


def _listener(where: Listening) -> socket.socket:
    """Return the socket to listen on, there before the link is printed. Raises UsageError."""
    if where.socket is None:
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((HERE, where.port))
        except OSError as error:
            made.close()
            raise UsageError(
                f"port {where.port}", "is taken", "Nothing was started", "Say --port 0 for a free one"
            ) from error
        return made
    if where.socket.exists() and not stat.S_ISSOCK(where.socket.lstat().st_mode):
        raise UsageError(
            str(where.socket), "is there and no socket", "Nothing was started", "Name another path"
        )
    where.socket.unlink(missing_ok=True)
    made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    before = os.umask(0o117)  # the owner and the group of the proxy, nobody else
    try:
        made.bind(str(where.socket))
    finally:
        os.umask(before)
    return made
