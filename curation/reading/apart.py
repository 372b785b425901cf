"""A process of its own for files that foreign code takes apart: its crash, flood or standstill ends only itself.

One child serves a whole run; it is started for the first such file and again after a death. Calls and answers are
pickles over a pipe between the two; nothing of a file is ever unpickled.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import TracebackType
from typing import Any

from tilth.curation.reading.limits import ReadLimits, Reason
from tilth.shards.errors import TilthError

POLL_S = 0.02
PARENT_POLL_S = 0.5
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
# Addresses beside the bound: what allocators and the stacks of threads reserve and never touch.
RESERVED_BYTES = 4 << 30
START = "from tilth.curation.reading.apart import serve; serve()"

Progress = Callable[..., None]


class Died(Exception):
    """The child came to its end over a call; `reason` says of what."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.value)


class Apart:
    """Calls functions in a child process within bounds on its memory and on how long it says nothing."""

    def __init__(self, limits: ReadLimits) -> None:
        self._limits = limits
        self._child: subprocess.Popen[bytes] | None = None
        self._pipe: Connection | None = None

    def __enter__(self) -> Apart:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def call(self, function: Callable[..., Any], *arguments: Any, on_progress: Progress | None = None) -> Any:
        """Return function(*arguments, say), where `say` reports progress. Raises Died, and what it raises of ours."""
        pipe = self._start()
        try:
            pipe.send((function, arguments))
            return self._answer(pipe, on_progress)
        except (EOFError, ConnectionError):
            self._end()
            raise Died(Reason.READER_DIED) from None
        except (TilthError, OSError):
            raise
        except BaseException:
            self._end()
            raise

    def _answer(self, pipe: Connection, on_progress: Progress | None) -> Any:
        heard = time.monotonic()
        while True:
            if pipe.poll(POLL_S):
                heard = time.monotonic()
                kind, value = pipe.recv()
                if kind == "done":
                    return value
                if kind == "died":
                    raise Died(value)
                if kind == "failed":
                    raise value
                if on_progress:
                    on_progress(*value)
            elif time.monotonic() - heard > self._limits.max_silent_s:
                raise Died(Reason.READER_STALLED)
            if self._child and _own_bytes(self._child.pid) > self._limits.max_memory_bytes:
                raise Died(Reason.MEMORY_LIMIT)

    def _start(self) -> Connection:
        if self._pipe is None:
            self._pipe, theirs = Pipe()
            environment = os.environ | {"PYTHONPATH": os.pathsep.join(entry or "." for entry in sys.path)}
            command = [sys.executable, "-c", START, str(theirs.fileno()), str(self._limits.max_memory_bytes)]
            quiet = subprocess.DEVNULL  # what a dying library prints names nothing that the user knows
            self._child = subprocess.Popen(
                command,
                pass_fds=[theirs.fileno()],
                env=environment,
                stdin=quiet,
                stdout=quiet,
                stderr=quiet,
            )
            theirs.close()
        return self._pipe

    def _end(self) -> None:
        if self._child is not None:
            self._child.kill()
            self._child.wait()
        if self._pipe is not None:
            self._pipe.close()
        self._child = self._pipe = None


def serve() -> None:
    """Answer the calls of the process that started this one, until it is gone."""
    pipe = Connection(int(sys.argv[1]))
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    is_bounded = False
    while True:
        try:
            function, arguments = pipe.recv()
        except EOFError:
            return
        if not is_bounded:  # the function has brought its libraries
            _bound_addresses(int(sys.argv[2]))
            is_bounded = True
        answer: tuple[str, Any]
        try:
            answer = ("done", function(*arguments, lambda *said: pipe.send(("progress", said))))
        except MemoryError:
            answer = ("died", Reason.MEMORY_LIMIT)
        except (TilthError, OSError) as error:
            answer = ("failed", error)
        except Exception:  # it names rows, perhaps, and no file: the caller says which
            answer = ("died", Reason.READER_RAISED)
        pipe.send(answer)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_S)
    os._exit(1)


def _bound_addresses(max_memory_bytes: int) -> None:
    """Have one request for far too much fail at once, not after its pages have been filled."""
    held = _statm(os.getpid())
    if held:
        most = held[0] * PAGE_BYTES + max_memory_bytes + RESERVED_BYTES
        _, hard = resource.getrlimit(resource.RLIMIT_AS)
        resource.setrlimit(
            resource.RLIMIT_AS, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
        )


def _own_bytes(pid: int) -> int:
    """Return the resident memory of a process without the files it has mapped; 0 where nothing tells."""
    held = _statm(pid)
    return (held[1] - held[2]) * PAGE_BYTES if held else 0


def _statm(pid: int) -> list[int]:
    try:
        return [int(pages) for pages in Path(f"/proc/{pid}/statm").read_text().split()]
    except OSError:
        return []
