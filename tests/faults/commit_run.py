"""Publishes a version in a process of its own, so that tests can kill it. Usage: STORE PROMPTS [STEP] [HOLD].

STEP: at which step of the atomic writer to die of SIGKILL (from 1; 0: never). HOLD: take the lock and wait.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.drafts import Line, make_draft
from tilth.shards import atomic
from tilth.shards.store import Store


def main(store_path: str, prompts: str, fatal_step: int, hold: bool) -> None:
    steps = itertools.count(1)

    def die(name: str) -> None:
        if next(steps) == fatal_step:
            os.kill(os.getpid(), signal.SIGKILL)

    atomic.step = die
    store = Store.open(Path(store_path))
    if hold:
        with store.lock(), store.workspace() as folder:
            (folder / "half").write_text("done")
            print("held", flush=True)
            time.sleep(60)
    print(store.publish("n", make_draft([Line(prompt) for prompt in prompts.split(",")]))[0].id)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0, "hold" in sys.argv)
