"""refresh serve: looks whether recipes are due, and runs them, each in a process of its own, until it is stopped."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

LOOK_EVERY_S = 60.0
STOP_WAIT_S = 30.0


def serve(
    recipes: Sequence[Path], store: Path | None, say: Callable[[str], None], *, looks: int | None = None
) -> None:
    """Look at every recipe each LOOK_EVERY_S seconds, `looks` times or for ever.

    A run that fails stops neither the others nor the next look. Interrupted, the run under way is asked to stop: it
    keeps what is whole, and the next look goes on with it.
    """
    look = 0
    while True:
        began = time.monotonic()
        for recipe in recipes:
            _look(recipe, store, say)
        look += 1
        if looks is not None and look >= looks:
            return
        time.sleep(max(0.0, LOOK_EVERY_S - (time.monotonic() - began)))


def _look(recipe: Path, store: Path | None, say: Callable[[str], None]) -> None:
    words = [sys.executable, "-m", "tilth.workbench.commands.refresh", "run", str(recipe), "--if-due"]
    words += ["--store", str(store)] if store else []
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        said, _ = child.communicate()
    except KeyboardInterrupt:
        child.terminate()
        child.communicate(timeout=STOP_WAIT_S)
        raise
    lines = said.strip().splitlines()
    if child.returncode or not lines or "not due" not in lines[-1]:
        say(f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} {recipe}: {lines[-1] if lines else 'said nothing'}")
