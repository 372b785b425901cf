"""Says how to put Tilth's commands on the PATH; changes no shell file by itself."""

from __future__ import annotations

import os
import sys
from pathlib import Path

COMMANDS = ("curate", "train", "validate", "refresh", "tilth")


def main() -> None:
    """Print the line that makes the commands available, unless they already are."""
    folder = Path(sys.executable).parent
    if str(folder) in os.environ.get("PATH", "").split(os.pathsep):
        print(f"{', '.join(COMMANDS)} are on your PATH")
        return
    print(
        f"{', '.join(COMMANDS)} are in {folder}\nput them on your PATH (add the line to your shell's profile):"
    )
    print(f'  export PATH="{folder}:$PATH"')


if __name__ == "__main__":
    main()
