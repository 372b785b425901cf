"""`make gpu`, or `python -m benchmarks.gpu --wheels FOLDER --out FOLDER` where nothing is installed but CUDA's torch.

Needs torch, transformers and peft; of what else Tilth imports the wheels can be carried along. Writes gpu.json and
gpu.md. Without a card it says so, writes nothing and exits 0.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
from pathlib import Path
from tempfile import mkdtemp

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results"
SECONDS = 450.0
CARRIED = "polars polars-runtime-32 orjson pydantic pydantic-core annotated-types typing-inspection zstandard"


def main() -> None:
    """Check, measure and write down."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--wheels", type=Path, help=f"a folder of wheels to use besides: {CARRIED}")
    parser.add_argument("--out", type=Path, default=RESULTS, help="where gpu.json and gpu.md are written")
    parser.add_argument("--seconds", type=float, default=SECONDS, help="no check begins later")
    parser.add_argument("--dry", action="store_true", help="the same with tiny shapes on the CPU; no figures")
    asked = parser.parse_args()
    if asked.wheels:
        _install(asked.wheels)
    if importlib.util.find_spec("tilth") is None:
        sys.path.insert(0, str(ROOT / "src"))
    if not asked.dry and not _has_card():
        print("no GPU was at hand: nothing was measured")
        return
    from benchmarks.gpu.report import write
    from benchmarks.gpu.run import run

    write(run(dry=asked.dry, seconds=asked.seconds), asked.out)


def _has_card() -> bool:
    if importlib.util.find_spec("torch") is None:
        return False
    import torch

    return torch.cuda.is_available()


def _install(wheels: Path) -> None:
    """Unpack wheels into a folder of their own, with what is installed left as it is."""
    target = mkdtemp(prefix="tilth-wheels-")
    files = sorted(str(path) for path in wheels.glob("*.whl"))
    words = [sys.executable, "-m", "pip", "install", "-q", "--no-index", "--no-deps", "--no-compile"]
    subprocess.run([*words, "--target", target, *files], check=True)
    sys.path.append(target)


if __name__ == "__main__":
    main()
