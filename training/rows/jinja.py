"""Chat templates rendered within bounds of time and size, in a process of their own."""

from __future__ import annotations

import atexit
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tilth.shards.errors import Untrainable

# Of one rendering. The longest row that reading lets through takes about a tenth of them.
MAX_SECONDS = 5.0  # of processor time
MAX_BYTES = 2 << 30  # address space of the process
MAX_CHARS = 64 << 20
PROGRAM = Path(__file__).with_name("jinja_child.py")
BEYOND = {
    "memory": f"it asks for more than {MAX_BYTES >> 30} GiB of memory",
    "length": f"it writes more than {MAX_CHARS:,} characters",
    "depth": "its macros call each other without an end",
}


class Refused(Exception):
    """The template refuses its input; the words are its own, or those of the error in it."""


class Jinja:
    """Renders in a process that is started when it is needed, and again where it was ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._owner: int | None = None
        self._source: str | None = None

    def render(self, source: str, data: dict[str, Any]) -> str:
        """Return what a template makes of plain JSON values.

        Raises Refused where the template does, Untrainable where it goes beyond a bound.
        """
        with self._lock:
            answer = self._ask(source, data)
        if "refused" in answer:
            raise Refused(answer["refused"])
        if "beyond" in answer:
            raise _unbounded(BEYOND[answer["beyond"]])
        text: str = answer["text"]
        return text

    def close(self) -> None:
        """End the process."""
        if self._process is not None and self._owner == os.getpid():
            self._process.kill()
            self._process.communicate()
        self._process = self._source = None

    def _ask(self, source: str, data: dict[str, Any]) -> dict[str, str]:
        if self._process is None or self._owner != os.getpid():
            self._start()
        assert self._process is not None
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        request = {"data": data} if source == self._source else {"source": source, "data": data}
        self._source = None
        try:
            self._process.stdin.write(json.dumps(request).encode() + b"\n")
            self._process.stdin.flush()
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = b""
        except BaseException:
            self.close()  # an answer that nobody took would be taken for the next one
            raise
        if not line.endswith(b"\n"):
            code = self._process.wait()
            self.close()
            took_too_long = f"rendering one conversation took more than {MAX_SECONDS:g} s"
            raise _unbounded(took_too_long if code == -signal.SIGPROF else f"its process died ({code})")
        self._source = source
        answer: dict[str, str] = json.loads(line)
        return answer

    def _start(self) -> None:
        command = [sys.executable, "-I", str(PROGRAM), str(MAX_SECONDS), str(MAX_BYTES), str(MAX_CHARS)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._owner, self._source = os.getpid(), None


def _unbounded(what: str) -> Untrainable:
    return Untrainable(
        "chat template",
        what,
        "It was stopped",
        "Set training.template to a template that ends, or choose another base",
    )


JINJA = Jinja()
atexit.register(JINJA.close)
